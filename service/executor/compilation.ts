import type { CompileStage, Limits } from '../contracts/index.ts';
import type { Compiled } from './compile-cache/cache.ts';
import { compileKey } from './compile-cache/key.ts';
import { type Context, commandOf, type Emit, envOf, type Program, runOne, specOf } from './program.ts';
import type { Runtime } from './runtimes/make-runtime.ts';
import type { PlacedFile } from './sandbox/port.ts';
import { NOT_REGULAR } from './sandbox/scratch.ts';

const MEBIBYTE = 1024 * 1024;
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

/** The compiler as one program: at least the limits that the manifest asks for. */
const compilerOf = (
  { request }: Context,
  plan: NonNullable<Runtime['compile']>,
  sources: readonly PlacedFile[],
): Program => {
  const least = largest(request.limits, plan.limits);
  const limits = {
    ...least,
    cpuMs: Math.max(least.cpuMs, Math.ceil(least.compileMs * Math.max(1, least.cpus))),
  };
  return {
    plan,
    files: sources,
    limits,
    wallMs: limits.compileMs,
    args: [],
    stdin: new Uint8Array(),
    stage: 'compile',
  };
};

const compileAfresh = (
  context: Context,
  program: Program,
  artifacts: readonly string[],
): Promise<Compiled> => {
  const { limits: own } = context.request;
  return runOne(context, program, async (_ended, stage, sandbox) => {
    if (stage.outcome !== 'ok') return { stage, files: [] };
    const { files, omitted } = await sandbox.read(artifacts, {
      maxFiles: program.limits.scratchFiles,
      maxBytes: program.limits.scratchMb * MEBIBYTE,
    });
    const complete = omitted.every(({ reason }) => reason === NOT_REGULAR);
    return complete && fits(files, own)
      ? { stage, files }
      : { stage: { ...stage, outcome: 'disk-limit', message: tooMuch(own) }, files: [] };
  });
};

/** What the compiler said the first time, for a caller who listens. */
const replay = (emit: Emit, stage: CompileStage): void => {
  for (const stream of ['stdout', 'stderr'] as const) {
    const content = stage[stream];
    if (content !== '') emit({ stage: 'compile', stream, content, encoding: stage[`${stream}Encoding`] });
  }
};

/** Compiles, or takes the result of an equal compilation of the same tenant. */
export const compile = async (
  context: Context,
  plan: NonNullable<Runtime['compile']>,
  sources: readonly PlacedFile[],
): Promise<Compiled> => {
  const { request, runtime, deps, signal, clock } = context;
  const program = compilerOf(context, plan, sources);
  const afresh = (): Promise<Compiled> => compileAfresh(context, program, plan.artifacts);
  if (!deps.compileCache || !request.cache) return afresh();
  const started = deps.now();
  const key = compileKey({
    request,
    sources,
    identity: runtime.identity,
    command: commandOf(context, program),
    env: envOf(context, program),
    spec: specOf(program),
    artifacts: plan.artifacts,
    limits: program.limits,
  });
  const { spared, stage, files } = await deps.compileCache.through(request.tenant, key, afresh, signal);
  if (!spared) return { stage, files };
  clock.compileMs += deps.now() - started;
  if (context.emit) replay(context.emit, stage);
  return { stage: { ...stage, cached: true }, files };
};
