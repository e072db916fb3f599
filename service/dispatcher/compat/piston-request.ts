import { z } from 'zod';
import type { ExecutionRequestInput, SourceFile } from '../../contracts/execution.ts';
import type { Limits, PartialLimits } from '../../contracts/limits.ts';
import type { RuntimeInfo } from '../../contracts/runtime.ts';

/** A bad request, told as Piston tells it. */
export class PistonFault extends Error {
  override readonly name = 'PistonFault';
}

const constraintNames = [
  'compile_memory_limit',
  'run_memory_limit',
  'compile_timeout',
  'run_timeout',
  'compile_cpu_time',
  'run_cpu_time',
] as const;
type ConstraintName = (typeof constraintNames)[number];

const constraint = (name: ConstraintName) =>
  z.number({ error: `If specified, ${name} must be a number` }).nullish();

const pistonFileSchema = z.object({
  name: z.string().optional(),
  content: z.string(),
  // Piston takes any other word for utf8.
  encoding: z.enum(['utf8', 'base64', 'hex']).catch('utf8').default('utf8'),
});

export const pistonRequestSchema = z
  .object({
    language: z
      .string({ error: 'language is required as a string' })
      .min(1, 'language is required as a string'),
    version: z.string({ error: 'version is required as a string' }).min(1, 'version is required as a string'),
    files: z.array(pistonFileSchema, { error: 'files is required as an array' }),
    stdin: z.string({ error: 'stdin must be a string' }).nullish(),
    args: z.array(z.string(), { error: 'args must be an array of strings' }).nullish(),
    compile_memory_limit: constraint('compile_memory_limit').describe('Bytes'),
    run_memory_limit: constraint('run_memory_limit').describe('Bytes'),
    compile_timeout: constraint('compile_timeout').describe('Milliseconds'),
    run_timeout: constraint('run_timeout').describe('Milliseconds'),
    compile_cpu_time: constraint('compile_cpu_time').describe('Milliseconds'),
    run_cpu_time: constraint('run_cpu_time').describe('Milliseconds'),
  })
  .meta({ id: 'PistonRequest' });
export type PistonRequest = z.output<typeof pistonRequestSchema>;

/** Validates as Piston does: the first fault, in its words. */
export const readPistonRequest = (body: unknown): PistonRequest => {
  const parsed = pistonRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const [field, index, part] = issue?.path ?? [];
  if (field === 'files' && typeof index === 'number') {
    const what = part === undefined ? 'content' : String(part);
    throw new PistonFault(`files[${index}].${what} is required as a string`);
  }
  throw new PistonFault(issue?.path.length ? issue.message : 'language is required as a string');
};

/** The same request in our words; without a runtime where an executor has to start first, to tell of it. */
export const executionOf = (
  asked: PistonRequest,
  runtime: RuntimeInfo | undefined,
  max: Limits,
): ExecutionRequestInput => {
  const files = filesOf(asked, runtime);
  const entry = asked.files.findIndex((file) => file.encoding === 'utf8');
  if (entry === -1) throw new PistonFault('files must include at least one utf8 encoded file');
  const stdin = asked.stdin ?? '';
  const [only] = asked.files.length === 1 ? asked.files : [];
  // An unnamed program gets its name from the runtime, and that is told with the request's admission.
  const isNamedLater = runtime === undefined && only !== undefined && !only.name;
  return {
    runtime: runtime?.name ?? asked.language,
    version: runtime?.version ?? asked.version,
    ...(isNamedLater ? { code: only.content } : { files, entry: files[entry]?.name }),
    args: asked.args ?? [],
    // As Piston does it: input always ends with a newline, so that reading a line works even with none given.
    stdin: stdin.endsWith('\n') ? stdin : `${stdin}\n`,
    limits: limitsOf(asked, max),
  };
};

const filesOf = (asked: PistonRequest, runtime: RuntimeInfo | undefined): SourceFile[] => {
  const main = asked.files.findIndex((file) => file.encoding === 'utf8');
  return asked.files.map(({ name, content, encoding }, index) => ({
    // Piston calls an unnamed file file0.code; our compilers go by the ending, so the main one gets a fitting name.
    name: name || (index === main && runtime ? runtime.fileName : `file${index}.code`),
    content: encoding === 'hex' ? Buffer.from(content, 'hex').toString('base64') : content,
    encoding: encoding === 'hex' ? 'base64' : encoding,
  }));
};

const mebibyte = 1_048_576;

/** In Piston 0 and -1 stand for no limit; here they stand for the default, because nothing is ever unlimited. */
const limitsOf = (asked: PistonRequest, max: Limits): PartialLimits => {
  const read = (name: ConstraintName, highest: number): number | undefined => {
    const value = asked[name];
    if (!value || (value === -1 && name.endsWith('memory_limit'))) return undefined;
    if (value > highest) throw new PistonFault(`${name} cannot exceed the configured limit of ${highest}`);
    if (value < 0) throw new PistonFault(`${name} must be non-negative`);
    return Math.max(1, Math.floor(value));
  };
  const memory = read('run_memory_limit', max.memoryMb * mebibyte);
  // Compilation takes its memory from the runtime's manifest, so this one is only checked.
  read('compile_memory_limit', max.memoryMb * mebibyte);
  // There is one time limit of compiling; the lower of the two never gives more than was asked for.
  const compile = [read('compile_timeout', max.compileMs), read('compile_cpu_time', max.compileMs)];
  const compileMs = compile.filter((value) => value !== undefined);
  return withoutUndefined({
    wallMs: read('run_timeout', max.wallMs),
    cpuMs: read('run_cpu_time', max.cpuMs),
    compileMs: compileMs.length > 0 ? Math.min(...compileMs) : undefined,
    memoryMb: memory === undefined ? undefined : Math.max(1, Math.floor(memory / mebibyte)),
  });
};

const withoutUndefined = (limits: PartialLimits): PartialLimits =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
