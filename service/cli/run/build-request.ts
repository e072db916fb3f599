import { resolve } from 'node:path';
import { z } from 'zod';
import { type ExecutionRequestInput, testCaseSchema } from '../../contracts/execution.ts';
import type { PartialLimits } from '../../contracts/limits.ts';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { type CliContext, standardInput, UsageError } from '../context.ts';
import {
  checkLimits,
  parseDuration,
  parseEnvironment,
  parseLimits,
  parseMegabytes,
  single,
} from '../option-values.ts';
import { chooseRuntime } from './choose-runtime.ts';
import { encodeBytes, readInput, readProgram, readStandardInput } from './program-files.ts';

export interface RunOptions {
  files: string[];
  args: string[];
  runtime?: string | undefined;
  runtimeVersion?: string | undefined;
  stdin?: string | undefined;
  limit?: string[] | undefined;
  time?: string | undefined;
  memory?: string | undefined;
  env?: string[] | undefined;
  output?: string[] | undefined;
  outputDir?: string | undefined;
  tests?: string | undefined;
}

/** Turns the command line into a request. `listRuntimes` is asked only where the language must be guessed. */
export const buildRequest = async (
  context: CliContext,
  options: RunOptions,
  listRuntimes: () => Promise<readonly RuntimeInfo[]>,
): Promise<ExecutionRequestInput> => {
  if (options.output?.length && options.outputDir === undefined) {
    throw new UsageError('--output needs --output-dir, the folder to save the files in');
  }
  const [first = ''] = options.files;
  const programOnStdin = first === standardInput;
  if (programOnStdin && (options.files.length > 1 || options.runtime === undefined)) {
    throw new UsageError('a program from standard input ("-") stands alone and needs --runtime');
  }
  const program = programOnStdin
    ? { code: (await readStandardInput(context)).toString('utf8') }
    : { files: await readProgram(context, options.files) };
  const limits = limitsOf(options);
  const env = parseEnvironment(options.env ?? []);
  const input = await inputOf(context, options, programOnStdin);
  const tests = options.tests === undefined ? undefined : await readTests(context, options.tests);
  const runtime =
    options.runtime === undefined
      ? chosen(chooseRuntime(first, await listRuntimes()), options.runtimeVersion)
      : { runtime: single('--runtime', options.runtime), version: options.runtimeVersion };
  return {
    ...runtime,
    ...program,
    ...input,
    ...(options.args.length > 0 && { args: options.args }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(tests && { tests }),
    ...(options.output?.length && { outputs: options.output }),
  };
};

const chosen = (info: RuntimeInfo, wanted: string | undefined) => ({
  runtime: info.name,
  version: wanted ?? info.version,
});

const limitsOf = (options: RunOptions): PartialLimits => {
  const limits = parseLimits(options.limit ?? []);
  if (options.time !== undefined) {
    const ms = parseDuration('--time', options.time);
    // A program that only computes would otherwise still end at the default CPU time.
    limits.cpuMs ??= ms;
    limits.wallMs = ms;
  }
  if (options.memory !== undefined) limits.memoryMb = parseMegabytes('--memory', options.memory);
  return checkLimits(limits);
};

const inputOf = async (context: CliContext, options: RunOptions, stdinTaken: boolean) => {
  if (options.tests !== undefined) {
    if (options.stdin !== undefined) throw new UsageError('with --tests, each test has a stdin of its own');
    return {};
  }
  const bytes = await inputBytes(context, options, stdinTaken);
  if (!bytes || bytes.length === 0) return {};
  const { content, encoding } = encodeBytes(bytes);
  return encoding === 'utf8' ? { stdin: content } : { stdin: content, stdinEncoding: encoding };
};

const inputBytes = async (
  context: CliContext,
  options: RunOptions,
  stdinTaken: boolean,
): Promise<Buffer | undefined> => {
  if (options.stdin !== undefined && options.stdin !== standardInput) {
    const path = single('--stdin', options.stdin);
    return readInput(resolve(context.cwd, path), path);
  }
  if (stdinTaken) return undefined;
  if (options.stdin === standardInput || context.stdin.isTTY !== true) return readStandardInput(context);
  return undefined;
};

const testsFileSchema = z.union([
  z.array(testCaseSchema).min(1),
  z.strictObject({ tests: z.array(testCaseSchema).min(1) }).transform((file) => file.tests),
]);

const readTests = async (context: CliContext, path: string) => {
  const text = (await readInput(resolve(context.cwd, path), path)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  const parsed = testsFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    `${path} does not hold tests; it looks like [{"name": "adds", "stdin": "1 2", "expectedStdout": "3"}]\n${z.prettifyError(parsed.error)}`,
  );
};
