import { z } from 'zod';
import { customImageSchema } from './image.ts';
import { partialLimitsSchema } from './limits.ts';
import { resultSetsSchema } from './result-sets.ts';

/** Bytes on the wire: valid UTF-8 travels as text, anything else as base64. */
export const encodingSchema = z.enum(['utf8', 'base64']);
export type Encoding = z.infer<typeof encodingSchema>;

const noNul = (what: string) => z.string().regex(/^[^\0]*$/, `${what} may not contain a NUL character`);

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const isBase64 = (value: { content: string; encoding: Encoding }): boolean =>
  value.encoding !== 'base64' || base64.test(value.content);

/**
 * A file's name inside the sandbox: a relative path of plain segments. Refused: absolute paths, `.` and `..` segments,
 * control characters, backslashes, segments over 255 bytes and paths over 1,024 bytes or 16 levels.
 */
export const fileNameSchema = z
  .string()
  .min(1)
  .max(1_024)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused
  .regex(/^[^\u0000-\u001f\u007f\\]+$/, 'a file name may not contain control characters or backslashes')
  .refine((name) => Buffer.byteLength(name) <= 1_024, 'a file name may hold at most 1,024 bytes')
  .refine((name) => {
    const segments = name.split('/');
    return (
      segments.length <= 16 &&
      segments.every((s) => s !== '' && s !== '.' && s !== '..' && Buffer.byteLength(s) <= 255)
    );
  }, 'a file name must be a relative path of at most 16 plain segments, without "." or ".."');

export const fileSchema = z
  .strictObject({
    name: fileNameSchema,
    content: z.string(),
    encoding: encodingSchema.default('utf8'),
  })
  .refine(isBase64, { path: ['content'], message: 'content is not valid base64' })
  .meta({ id: 'File', description: 'A file put into the scratch space before the program starts' });
export type SourceFile = z.infer<typeof fileSchema>;

const filesSchema = z
  .array(fileSchema)
  .min(1)
  .max(1_000)
  .superRefine((files, context) => {
    const seen = new Set<string>();
    for (const [index, file] of files.entries()) {
      if (seen.has(file.name)) {
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: `duplicate file name "${file.name}"`,
        });
      }
      seen.add(file.name);
    }
    for (const [index, file] of files.entries()) {
      const segments = file.name.split('/');
      for (let depth = 1; depth < segments.length; depth++) {
        const folder = segments.slice(0, depth).join('/');
        if (seen.has(folder)) {
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: `"${folder}" is both a file and a folder`,
          });
        }
      }
    }
  });

const argsSchema = z.array(noNul('an argument').max(131_072)).max(1_000);

export const testCaseSchema = z
  .strictObject({
    name: z.string().min(1).max(200),
    stdin: z.string().default(''),
    args: argsSchema.optional(),
    expectedStdout: z.string().optional(),
  })
  .meta({
    id: 'TestCase',
    description:
      'One run of the compiled program. It passes when its outcome is ok and its standard output equals expectedStdout, white space at line ends and at the end of the output aside.',
  });
export type TestCase = z.infer<typeof testCaseSchema>;

export const capabilityNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a capability is a lower-case word');

const outputPatternSchema = z
  .string()
  .min(1)
  .max(256)
  .refine(
    (pattern) => !pattern.startsWith('/') && !pattern.split('/').includes('..'),
    'a pattern is relative to the working folder, without ".."',
  );

/** Half of a surrogate pair has no UTF-8: another program than the caller's would run. */
const textSchema = z
  .string()
  .refine((text) => text.isWellFormed(), 'the text holds half of a surrogate pair');

export const executionRequestSchema = z
  .strictObject({
    runtime: z.string().min(1).max(64).describe('Name or alias of a runtime, see GET /v1/runtimes'),
    version: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('A version or a range, for example "3.11", "^20" or "*"'),
    code: textSchema.optional().describe('The whole program, instead of files'),
    files: filesSchema.optional(),
    entry: fileNameSchema.optional().describe('The file to run; the first of files by default'),
    args: argsSchema.default([]),
    stdin: textSchema.default(''),
    stdinEncoding: encodingSchema.default('utf8'),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'an environment name is letters, digits and _'),
        noNul('an environment value').max(131_072),
      )
      .default({}),
    tests: z
      .array(testCaseSchema)
      .min(1)
      .max(200)
      .refine(
        (tests) => new Set(tests.map((t) => t.name)).size === tests.length,
        'test names must be distinct',
      )
      .optional(),
    limits: partialLimitsSchema.default({}),
    capabilities: z.array(capabilityNameSchema).max(16).default([]),
    outputs: z
      .array(outputPatternSchema)
      .max(64)
      .default([])
      .describe('Patterns of files wanted back, relative to the working folder, for example "*.png"'),
    image: customImageSchema.optional(),
    priority: z
      .int()
      .min(0)
      .max(100)
      .default(50)
      .describe('Higher goes first among the same tenant’s waiting executions'),
    retry: z
      .boolean()
      .default(true)
      .describe('Run once more elsewhere if the executor is lost in the middle'),
    cache: z
      .boolean()
      .default(true)
      .describe(
        'Take the result of an earlier, equal compilation of the same tenant where there is one; false compiles afresh and keeps nothing',
      ),
    deadlineMs: z
      .int()
      .min(1)
      .max(600_000)
      .default(120_000)
      .describe('Give up after this long, waiting included'),
    metadata: z
      .record(z.string().max(64), z.string().max(1_024))
      .default({})
      .describe('Given back as it came'),
  })
  .superRefine((request, context) => {
    if ((request.code === undefined) === (request.files === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['code'],
        message: 'give either code or files, one of the two',
      });
    }
    if (request.entry !== undefined && request.files === undefined) {
      context.addIssue({ code: 'custom', path: ['entry'], message: 'entry goes with files' });
    } else if (request.entry !== undefined && !request.files?.some((f) => f.name === request.entry)) {
      context.addIssue({ code: 'custom', path: ['entry'], message: `no file is named "${request.entry}"` });
    }
    if (request.tests && (request.stdin !== '' || request.stdinEncoding !== 'utf8')) {
      context.addIssue({
        code: 'custom',
        path: ['stdin'],
        message: 'with tests, each test has a stdin of its own',
      });
    }
    if (request.tests && request.outputs.length > 0) {
      context.addIssue({
        code: 'custom',
        path: ['outputs'],
        message: 'outputs go with a single run, not with tests',
      });
    }
    if (!isBase64({ content: request.stdin, encoding: request.stdinEncoding })) {
      context.addIssue({ code: 'custom', path: ['stdin'], message: 'stdin is not valid base64' });
    }
  })
  .meta({ id: 'ExecutionRequest', description: 'Files in, optional compile, one or many runs, results out' });

/** What a caller sends (defaults optional). */
export type ExecutionRequestInput = z.input<typeof executionRequestSchema>;
/** The same after validation, defaults filled in. */
export type ExecutionRequest = z.output<typeof executionRequestSchema>;

export const outcomeSchema = z
  .enum([
    'ok',
    'nonzero-exit',
    'signal',
    'time-limit',
    'memory-limit',
    'output-limit',
    'process-limit',
    'disk-limit',
    'internal-error',
  ])
  .meta({ id: 'Outcome', description: 'How a stage ended; the first reason to end wins' });
export type Outcome = z.infer<typeof outcomeSchema>;

const stageShape = {
  outcome: outcomeSchema,
  exitCode: z.int().nullable().describe('Null when a signal ended the program'),
  signal: z.string().nullable().describe('For example SIGSEGV'),
  stdout: z.string(),
  stdoutEncoding: encodingSchema,
  stdoutTruncated: z.boolean(),
  stderr: z.string(),
  stderrEncoding: encodingSchema,
  stderrTruncated: z.boolean(),
  cpuMs: z.number().describe('CPU time of all its processes, in milliseconds'),
  wallMs: z.number().describe('From go to the end of the main process, in milliseconds'),
  memoryPeakBytes: z
    .int()
    .nullable()
    .describe('Peak memory of the sandbox; null where it cannot be measured'),
  message: z.string().optional().describe('For people: what was hit, or why it is an internal error'),
  resultSets: resultSetsSchema.optional().describe('Of runtimes that return rows, such as databases'),
  resultSetsOmitted: z.string().optional().describe('Why there are no result sets where there could be'),
};

export const stageSchema = z.object(stageShape).meta({ id: 'Stage', description: 'What one program did' });
export type Stage = z.infer<typeof stageSchema>;

export const compileStageSchema = stageSchema
  .extend({
    cached: z
      .boolean()
      .optional()
      .describe(
        'True where an earlier, equal compilation made the result; the figures are those of that one',
      ),
  })
  .meta({ id: 'CompileStage', description: 'What the compiler did' });
export type CompileStage = z.infer<typeof compileStageSchema>;

export const testResultSchema = z
  .object({
    name: z.string(),
    passed: z.boolean().nullable().describe('Null where the test names no expected output'),
    ...stageShape,
  })
  .meta({ id: 'TestResult' });
export type TestResult = z.infer<typeof testResultSchema>;

export const outputFileSchema = z
  .object({ name: z.string(), content: z.string(), encoding: encodingSchema, size: z.int() })
  .meta({ id: 'OutputFile' });
export type OutputFile = z.infer<typeof outputFileSchema>;

export const timingsSchema = z
  .object({
    queuedMs: z.number().describe('From admission to placement'),
    preparedMs: z.number().describe('Taking or making the sandbox, files and limits included'),
    compileMs: z.number(),
    runMs: z.number(),
    totalMs: z.number().describe('From admission to answer'),
  })
  .meta({ id: 'Timings', description: 'All in milliseconds' });
export type Timings = z.infer<typeof timingsSchema>;

export const executionResultSchema = z
  .object({
    id: z.string(),
    runtime: z.string(),
    version: z.string(),
    compile: compileStageSchema.optional().describe('Missing where the runtime compiles nothing'),
    run: stageSchema.optional().describe('Missing where the compilation failed, or with tests'),
    tests: z.array(testResultSchema).optional(),
    image: z.string().optional().describe('The image that was asked for'),
    outputs: z.array(outputFileSchema),
    outputsOmitted: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .optional()
      .describe('Matching files that were not given back, and why'),
    executor: z.string(),
    attempts: z.int().describe('2 where a lost executor made it run once more'),
    timings: timingsSchema,
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'ExecutionResult' });
export type ExecutionResult = z.infer<typeof executionResultSchema>;

/** One piece of output as it comes (SSE event `output`). Text is never cut inside a UTF-8 character. */
export const outputEventSchema = z
  .object({
    stage: z.enum(['compile', 'run']),
    test: z.string().optional(),
    stream: z.enum(['stdout', 'stderr']),
    content: z.string(),
    encoding: encodingSchema,
  })
  .meta({ id: 'OutputEvent' });
export type OutputEvent = z.infer<typeof outputEventSchema>;

/** How many executors of a pool were asked for and have not ended, by how far they are. */
export const launchedCountsSchema = z
  .object({
    pending: z.int().describe('The cluster has found no node for it yet'),
    placed: z.int().describe('On a node, starting or started'),
    retiring: z.int().describe('Told to end once its executions have'),
  })
  .meta({ id: 'LaunchedCounts' });
export type LaunchedCounts = z.infer<typeof launchedCountsSchema>;

/** Told while an execution waits for the first executor of a pool (SSE event `pending`), and again on each change. */
export const pendingEventSchema = z
  .object({
    pool: z.string(),
    executors: launchedCountsSchema,
    reasons: z.array(z.string()).describe('For people, for example "no node has meta.gpu"'),
  })
  .meta({ id: 'PendingEvent' });
export type PendingEvent = z.infer<typeof pendingEventSchema>;
