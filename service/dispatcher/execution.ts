import type { PaddockError } from '../contracts/errors.ts';
import type { ExecutionResult, Outcome, Timings } from '../contracts/execution.ts';
import type { ExecutorRequest, ExecutorResult } from '../contracts/executor-api.ts';
import type { ImagePulling } from '../contracts/image.ts';
import type { OnOutput } from './executor-client.ts';
import type { Member } from './member.ts';
import type { TenantPolicy } from './tenants/policy.ts';

/** One accepted execution, from admission to its answer. It settles exactly once; the first reason to end wins. */
export interface Execution {
  readonly id: string;
  readonly tenant: TenantPolicy;
  readonly priority: number;
  readonly sequence: number;
  /** Holds a placeholder for the runtime until some executor tells of it. */
  request: ExecutorRequest;
  capabilities: readonly string[];
  /** The pools whose executors may be sent it; undefined: any that can run it. */
  pools: ReadonlySet<string> | undefined;
  readonly metadata: Record<string, string>;
  readonly retry: boolean;
  readonly admittedAt: number;
  readonly deadlineAt: number;
  readonly onOutput: OnOutput | undefined;
  readonly resolve: (result: ExecutionResult) => void;
  readonly reject: (error: PaddockError) => void;
  placedAt: number;
  attempts: number;
  /** Output reached the caller: running once more would repeat it. */
  streamed: boolean;
  settled: boolean;
  /** Set while an executor has it. */
  /** What it waits for on its executor, as last told. */
  pulling: ImagePulling | undefined;
  running: { readonly member: Member; readonly abort: AbortController } | undefined;
}

/** What is told of an execution once it is over: to metrics, the log and the statistics. Never code, input or environment. */
export interface Finished {
  readonly id: string;
  readonly tenant: string;
  readonly runtime: string;
  readonly version: string;
  /** An outcome, or the code of the error it ended with. */
  readonly outcome: string;
  readonly error: PaddockError | undefined;
  readonly executor: string | undefined;
  readonly attempts: number;
  readonly timings: Timings & { dispatchMs: number; collectMs: number };
  readonly warm: boolean | undefined;
}

/** The first stage that did not end well says how the whole went. */
export const outcomeOf = (result: Pick<ExecutorResult, 'compile' | 'run' | 'tests'>): Outcome => {
  if (result.compile && result.compile.outcome !== 'ok') return result.compile.outcome;
  if (result.tests) return result.tests.find((test) => test.outcome !== 'ok')?.outcome ?? 'ok';
  return result.run?.outcome ?? 'internal-error';
};

const round = (ms: number): number => Math.round(ms * 100) / 100;

export const resultOf = (
  execution: Execution,
  answer: ExecutorResult,
  executor: string,
  now: number,
): ExecutionResult => ({
  id: execution.id,
  runtime: execution.request.runtime,
  version: answer.version ?? execution.request.version,
  image: execution.request.image,
  compile: answer.compile,
  run: answer.run,
  tests: answer.tests,
  outputs: answer.outputs,
  outputsOmitted: answer.outputsOmitted,
  executor,
  attempts: execution.attempts,
  timings: {
    queuedMs: round(execution.placedAt - execution.admittedAt),
    preparedMs: round(answer.timings.preparedMs),
    compileMs: round(answer.timings.compileMs),
    runMs: round(answer.timings.runMs),
    totalMs: round(now - execution.admittedAt),
  },
  metadata: execution.metadata,
});

export const finishedWell = (
  execution: Execution,
  answer: ExecutorResult,
  result: ExecutionResult,
  now: number,
): Finished => ({
  id: execution.id,
  tenant: execution.tenant.name,
  runtime: result.runtime,
  version: result.version,
  outcome: outcomeOf(answer),
  error: undefined,
  executor: result.executor,
  attempts: execution.attempts,
  warm: answer.warm,
  timings: {
    ...result.timings,
    collectMs: round(answer.timings.collectMs),
    dispatchMs: round(Math.max(0, now - execution.placedAt - answer.timings.totalMs)),
  },
});

export const finishedBadly = (execution: Execution, error: PaddockError, now: number): Finished => {
  const placed = execution.attempts > 0;
  return {
    id: execution.id,
    tenant: execution.tenant.name,
    runtime: execution.request.runtime,
    version: execution.request.version,
    outcome: error.code,
    error,
    executor: execution.running?.member.address.id,
    attempts: execution.attempts,
    warm: undefined,
    timings: {
      queuedMs: round((placed ? execution.placedAt : now) - execution.admittedAt),
      preparedMs: 0,
      compileMs: 0,
      runMs: 0,
      collectMs: 0,
      dispatchMs: 0,
      totalMs: round(now - execution.admittedAt),
    },
  };
};
