import {
  type ExecutorRequest,
  type ExecutorResult,
  type Limits,
  type OutputEvent,
  PaddockError,
  type Stage,
  type TestCase,
  type TestResult,
} from '../contracts/index.ts';
import { passes } from './expected-output.ts';
import { createPieces, toWire } from './output.ts';
import type { Runtime } from './runtimes/catalogue.ts';
import { asPath, commandFor, type StagePlan, withKey } from './runtimes/stage-plan.ts';
import type { Ended, PlacedFile, ReadBack, Sandbox, SandboxSpec } from './sandbox/port.ts';
import { NOT_REGULAR } from './sandbox/scratch.ts';
import { toStage } from './verdict.ts';
import type { WarmSet } from './warm-set.ts';

export interface ExecutionDeps {
  readonly runtimes: { get(name: string, version: string): Promise<Runtime> };
  readonly warmSet: Pick<WarmSet, 'take'>;
  readonly now: () => number;
  /** Cleaning up goes on after the answer; a fault in it is told here. */
  readonly onCleanupFault: (error: Error) => void;
}

type Emit = (event: OutputEvent) => void;

/** All outputs of one execution together. */
const OUTPUT_BUDGET = { maxFiles: 256, maxBytes: 16 * 1024 * 1024 };
const MEBIBYTE = 1024 * 1024;

interface Clock {
  preparedMs: number;
  compileMs: number;
  runMs: number;
  collectMs: number;
}

/** Everything that the steps of one execution share. */
interface Context {
  readonly request: ExecutorRequest;
  readonly runtime: Runtime;
  readonly deps: ExecutionDeps;
  readonly signal: AbortSignal;
  readonly emit: Emit | undefined;
  readonly clock: Clock;
  warm: boolean;
}

interface Program {
  readonly plan: StagePlan;
  readonly files: readonly PlacedFile[];
  readonly limits: Limits;
  readonly wallMs: number;
  readonly args: readonly string[];
  readonly stdin: Uint8Array;
  readonly stage: 'compile' | 'run';
  readonly test?: string;
}

const decode = (content: string, encoding: 'utf8' | 'base64'): Buffer => Buffer.from(content, encoding);

/** The scratch space is mounted when a sandbox is made: another size needs another sandbox. */
const specFor = (spec: SandboxSpec, limits: Limits): SandboxSpec =>
  spec.limits.scratchMb === limits.scratchMb && spec.limits.scratchFiles === limits.scratchFiles
    ? spec
    : withKey({ ...spec, limits });

const putFiles = (sandbox: Sandbox, files: readonly PlacedFile[], limits: Limits): void => {
  try {
    sandbox.put(files);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      code === 'ENOSPC'
        ? `the files do not fit into the scratch space of ${limits.scratchMb} MiB and ${limits.scratchFiles} files`
        : `the files cannot be written (${code || (error as Error).message})`;
    throw new PaddockError(
      'invalid-request',
      { detail: why, errors: [{ path: 'files', message: why }] },
      { cause: error },
    );
  }
};

const streamTo = (emit: Emit, program: Program) => {
  const about = { stage: program.stage, test: program.test };
  const pieces = {
    stdout: createPieces((piece) => emit({ ...about, stream: 'stdout', ...piece })),
    stderr: createPieces((piece) => emit({ ...about, stream: 'stderr', ...piece })),
  };
  return {
    onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => pieces[stream].add(chunk),
    end: () => {
      pieces.stdout.end();
      pieces.stderr.end();
    },
  };
};

/** One program in one sandbox of its own; `after` may still read its files, then the sandbox goes. */
const runOne = async <T>(
  context: Context,
  program: Program,
  after: (ended: Ended, stage: Stage, sandbox: Sandbox) => Promise<T>,
): Promise<T> => {
  const { deps, request, signal, clock } = context;
  const started = deps.now();
  const { sandbox, warm } = await deps.warmSet.take(specFor(program.plan.spec, program.limits), signal);
  context.warm &&= warm;
  try {
    putFiles(sandbox, program.files, program.limits);
    const stream = context.emit && streamTo(context.emit, program);
    const command = commandFor(
      program.plan.command,
      request.entry,
      program.files.map(({ name }) => name),
      context.runtime.extensions,
    );
    const gone = deps.now();
    clock.preparedMs += gone - started;
    const ended = await sandbox.go(
      {
        command: [...command, ...program.args],
        entry: asPath(request.entry),
        args: program.args,
        env: { ...program.plan.env, ...request.env },
        stdin: program.stdin,
        limits: program.limits,
        wallMs: program.wallMs,
        onOutput: stream?.onOutput,
      },
      signal,
    );
    stream?.end();
    clock[program.stage === 'compile' ? 'compileMs' : 'runMs'] += deps.now() - gone;
    if (signal.aborted) throw new PaddockError('client-closed');
    return await after(ended, toStage(ended, program.limits, program.wallMs), sandbox);
  } finally {
    // Off the request's path: the answer does not wait for it.
    sandbox.destroy().catch(deps.onCleanupFault);
  }
};

const largest = (a: Limits, b: Partial<Limits>): Limits => {
  const result: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) result[name] = Math.max(result[name] ?? 0, value);
  return result as Limits;
};

const PAGE_BYTES = 4_096;

/** Whether files fit into a run's scratch space, which has the caller's size, not the compilation's. */
const fits = (files: readonly PlacedFile[], limits: Limits): boolean => {
  const pages = files.reduce((sum, { content }) => sum + Math.ceil(content.length / PAGE_BYTES), 0);
  return files.length <= limits.scratchFiles && pages * PAGE_BYTES <= limits.scratchMb * MEBIBYTE;
};

const tooMuch = ({ scratchMb, scratchFiles }: Limits): string =>
  `what it made does not fit into the scratch space of ${scratchMb} MiB and ${scratchFiles} files`;

const compile = async (
  context: Context,
  plan: NonNullable<Runtime['compile']>,
  sources: readonly PlacedFile[],
): Promise<{ stage: Stage; files: readonly PlacedFile[] }> => {
  const { request } = context;
  const least = largest(request.limits, plan.limits);
  const limits = {
    ...least,
    cpuMs: Math.max(least.cpuMs, Math.ceil(least.compileMs * Math.max(1, least.cpus))),
  };
  const program: Program = {
    plan,
    files: sources,
    limits,
    wallMs: limits.compileMs,
    args: [],
    stdin: new Uint8Array(),
    stage: 'compile',
  };
  return runOne(context, program, async (_ended, stage, sandbox) => {
    if (stage.outcome !== 'ok') return { stage, files: [] };
    const { files, omitted } = await sandbox.read(plan.artifacts, {
      maxFiles: limits.scratchFiles,
      maxBytes: limits.scratchMb * MEBIBYTE,
    });
    const complete = omitted.every(({ reason }) => reason === NOT_REGULAR);
    return complete && fits(files, request.limits)
      ? { stage, files }
      : { stage: { ...stage, outcome: 'disk-limit', message: tooMuch(request.limits) }, files: [] };
  });
};

const runTests = async (
  context: Context,
  tests: readonly TestCase[],
  program: Omit<Program, 'stdin' | 'test'>,
): Promise<TestResult[]> => {
  const results: TestResult[] = [];
  // One after the other: their times are comparable, and one execution takes one place.
  for (const test of tests) {
    const own: Program = {
      ...program,
      args: test.args ?? program.args,
      stdin: Buffer.from(test.stdin, 'utf8'),
      test: test.name,
    };
    const stage = await runOne(context, own, async (_ended, result) => result);
    results.push({ name: test.name, passed: passes(test, stage), ...stage });
  }
  return results;
};

const runAndCollect = (
  context: Context,
  program: Omit<Program, 'stdin'>,
): Promise<{ run: Stage; collected: ReadBack | undefined }> => {
  const { request, deps, clock } = context;
  const own: Program = { ...program, stdin: decode(request.stdin, request.stdinEncoding) };
  return runOne(context, own, async (_ended, run, sandbox) => {
    if (request.outputs.length === 0) return { run, collected: undefined };
    const started = deps.now();
    const collected = await sandbox.read(request.outputs, OUTPUT_BUDGET);
    clock.collectMs += deps.now() - started;
    return { run, collected };
  });
};

const finish = (
  context: Context,
  started: number,
  parts: Pick<ExecutorResult, 'compile' | 'run' | 'tests'>,
  collected?: ReadBack,
): ExecutorResult => ({
  ...parts,
  outputs: (collected?.files ?? []).map(({ name, content }) => ({
    name,
    size: content.length,
    ...toWire(content),
  })),
  outputsOmitted: collected && collected.omitted.length > 0 ? [...collected.omitted] : undefined,
  warm: context.warm,
  timings: { ...context.clock, totalMs: context.deps.now() - started },
});

/**
 * Runs one request to its result: compile where the runtime does, then one run, or one for each test.
 * @param emit hears output as it comes
 * @throws PaddockError for what is not the program's doing; what the program does is data in the result
 */
export const execute = async (
  request: ExecutorRequest,
  deps: ExecutionDeps,
  signal: AbortSignal,
  emit?: Emit,
): Promise<ExecutorResult> => {
  const started = deps.now();
  const runtime = await deps.runtimes.get(request.runtime, request.version);
  const clock: Clock = { preparedMs: 0, compileMs: 0, runMs: 0, collectMs: 0 };
  const context: Context = { request, runtime, deps, signal, emit, clock, warm: true };
  const sources = request.files.map(({ name, content, encoding }) => ({
    name,
    content: decode(content, encoding),
  }));

  let files: readonly PlacedFile[] = sources;
  let compiled: Stage | undefined;
  if (runtime.compile) {
    const result = await compile(context, runtime.compile, sources);
    compiled = result.stage;
    files = result.files;
    if (compiled.outcome !== 'ok') return finish(context, started, { compile: compiled });
  }
  const program = {
    plan: runtime.run,
    files,
    limits: request.limits,
    wallMs: request.limits.wallMs,
    args: request.args,
    stage: 'run',
  } as const;
  if (request.tests) {
    const tests = await runTests(context, request.tests, program);
    return finish(context, started, { compile: compiled, tests });
  }
  const { run, collected } = await runAndCollect(context, program);
  return finish(context, started, { compile: compiled, run }, collected);
};
