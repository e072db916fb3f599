import {
  type ExecutorRequest,
  type Limits,
  type OutputEvent,
  PaddockError,
  type Stage,
} from '../contracts/index.ts';
import type { CompileCache } from './compile-cache/cache.ts';
import { createPieces } from './output.ts';
import type { Runtime } from './runtimes/make-runtime.ts';
import { asPath, commandFor, resized, type StagePlan } from './runtimes/stage-plan.ts';
import { type Ended, FilesRefused, type PlacedFile, type Sandbox, type SandboxSpec } from './sandbox/port.ts';
import { toStage } from './verdict.ts';
import type { WarmSet } from './warm-set.ts';

export interface ExecutionDeps {
  readonly runtimes: { get(name: string, version: string): Promise<Runtime> };
  readonly warmSet: Pick<WarmSet, 'take'>;
  readonly now: () => number;
  /** Undefined where it is switched off. */
  readonly compileCache: CompileCache | undefined;
  /** Cleaning up goes on after the answer; a fault in it is told here. */
  readonly onCleanupFault: (error: Error) => void;
}

export type Emit = (event: OutputEvent) => void;

export interface Clock {
  preparedMs: number;
  compileMs: number;
  runMs: number;
  collectMs: number;
}

/** Everything that the steps of one execution share. */
export interface Context {
  readonly request: ExecutorRequest;
  readonly runtime: Runtime;
  readonly deps: ExecutionDeps;
  readonly signal: AbortSignal;
  readonly emit: Emit | undefined;
  readonly clock: Clock;
  warm: boolean;
}

export interface Program {
  readonly plan: StagePlan;
  readonly files: readonly PlacedFile[];
  readonly limits: Limits;
  readonly wallMs: number;
  readonly args: readonly string[];
  readonly stdin: Uint8Array;
  readonly stage: 'compile' | 'run';
  readonly test?: string;
}

/** The scratch space is mounted when a sandbox is made: another size needs another sandbox. */
export const specOf = ({ plan: { spec }, limits }: Program): SandboxSpec =>
  spec.limits.scratchMb === limits.scratchMb && spec.limits.scratchFiles === limits.scratchFiles
    ? spec
    : resized(spec, limits);

export const envOf = ({ request }: Context, { plan }: Program): Readonly<Record<string, string>> => ({
  ...plan.env,
  ...request.env,
});

/** Without the caller's arguments. */
export const commandOf = ({ request, runtime }: Context, { plan, files }: Program): string[] =>
  commandFor(
    plan.command,
    request.entry,
    files.map(({ name }) => name),
    runtime.extensions,
  );

/** The caller's files, which the limits are too small for, or which are in each other's way. */
const asRequestFault = (error: unknown, limits: Limits): unknown => {
  if (!(error instanceof FilesRefused)) return error;
  const why =
    error.code === 'ENOSPC'
      ? `the files do not fit into the scratch space of ${limits.scratchMb} MiB and ${limits.scratchFiles} files`
      : `the files cannot be written (${error.code})`;
  return new PaddockError(
    'invalid-request',
    { detail: why, errors: [{ path: 'files', message: why }] },
    { cause: error },
  );
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
export const runOne = async <T>(
  context: Context,
  program: Program,
  after: (ended: Ended, stage: Stage, sandbox: Sandbox) => Promise<T>,
): Promise<T> => {
  const { deps, request, signal, clock } = context;
  const started = deps.now();
  const { sandbox, warm } = await deps.warmSet.take(specOf(program), signal);
  context.warm &&= warm;
  try {
    sandbox.put(program.files);
    const stream = context.emit && streamTo(context.emit, program);
    const gone = deps.now();
    clock.preparedMs += gone - started;
    const ended = await sandbox.go(
      {
        command: [...commandOf(context, program), ...program.args],
        entry: asPath(request.entry),
        args: program.args,
        env: envOf(context, program),
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
  } catch (error) {
    throw asRequestFault(error, program.limits);
  } finally {
    // Off the request's path: the answer does not wait for it.
    sandbox.destroy().catch(deps.onCleanupFault);
  }
};
