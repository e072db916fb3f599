import type {
  CompileStage,
  ExecutorRequest,
  ExecutorResult,
  Stage,
  TestCase,
  TestResult,
} from '../contracts/index.ts';
import { compile } from './compilation.ts';
import { passes } from './expected-output.ts';
import { toWire } from './output.ts';
import { type Clock, type Context, type Emit, type ExecutionDeps, type Program, runOne } from './program.ts';
import { createResultSetReader } from './result-sets.ts';
import type { PlacedFile, ReadBack } from './sandbox/port.ts';

/** All outputs of one execution together. */
const OUTPUT_BUDGET = { maxFiles: 256, maxBytes: 16 * 1024 * 1024 };

const decode = (content: string, encoding: 'utf8' | 'base64'): Buffer => Buffer.from(content, encoding);

const runTests = async (
  context: Context,
  tests: readonly TestCase[],
  program: Omit<Program, 'stdin' | 'test'>,
): Promise<TestResult[]> => {
  const results: TestResult[] = [];
  const readResultSets = createResultSetReader(context.runtime.resultSets, program.limits);
  // One after the other: their times are comparable, and one execution takes one place.
  for (const test of tests) {
    const own: Program = {
      ...program,
      args: test.args ?? program.args,
      stdin: Buffer.from(test.stdin, 'utf8'),
      test: test.name,
    };
    const stage = await runOne(context, own, async (_ended, result, sandbox) => ({
      ...result,
      ...(await readResultSets(sandbox)),
    }));
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
  const readResultSets = createResultSetReader(context.runtime.resultSets, program.limits);
  return runOne(context, own, async (_ended, result, sandbox) => {
    const run = { ...result, ...(await readResultSets(sandbox)) };
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
  version: context.request.image && context.runtime.info.version,
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
  let compiled: CompileStage | undefined;
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
