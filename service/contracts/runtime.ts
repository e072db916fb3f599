import { z } from 'zod';
import { limitsSchema, partialLimitsSchema } from './limits.ts';

const command = z.array(z.string().min(1)).min(1);

/**
 * What a warm command does: it is started ahead inside the sandbox with descriptor 3 a stream socket, gets ready,
 * writes one byte to it, and waits. Go is one message: a 4-byte little-endian length, then NUL-terminated strings:
 * the entry, the number of arguments, the arguments, then NAME=value pairs of the environment. It then closes
 * descriptor 3 and becomes the program. It must read nothing of standard input before that.
 */
const warmSchema = z.strictObject({
  command,
  memoryMb: z.int().min(1).describe('What one waiting sandbox is reckoned to cost of the warm memory budget'),
  startMs: z.int().min(1).default(100).describe('How long one takes to get ready, a first guess'),
  forks: z
    .boolean()
    .default(false)
    .describe(
      'It calls fork() when it is started, and waits for go in the child: one start serves many sandboxes',
    ),
  preload: z
    .array(z.string().regex(/^[^\s]+$/))
    .default([])
    .describe('Modules to import ahead, handed to it in PADDOCK_PRELOAD, separated by blanks'),
});

const stageCommandSchema = z.strictObject({
  command: command.describe('{toolchain}, {toolchainRoot}, {entry}, {entryStem} and {sources} are filled in'),
  env: z.record(z.string(), z.string()).default({}),
  warm: warmSchema.optional(),
});

/** What else there is under /opt/paddock. */
const ownNames: readonly string[] = ['runtime', 'prepared', 'node', 'init', 'forks'];

/** images/NAME/runtime.yaml. A new runtime needs this file and no TypeScript. See docs/adding-a-runtime.md. */
export const runtimeManifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9+#-]{0,31}$/),
  title: z.string().min(1),
  aliases: z.array(z.string()).default([]),
  extensions: z.array(z.string().startsWith('.')).default([]),
  fileName: z.string().min(1).describe('What a program given as `code` is saved as'),
  version: z
    .string()
    .optional()
    .describe('Fixed, for example a language standard; otherwise the probe finds it'),
  toolchain: z.strictObject({
    candidates: z
      .array(z.string())
      .min(1)
      .describe('Absolute paths, {node} or names looked up on PATH, the first that works'),
    probe: z.strictObject({
      args: z.array(z.string()),
      pattern: z.string().describe('Its first group is the version'),
    }),
    root: z
      .strictObject({ args: z.array(z.string()).optional(), path: z.string().optional() })
      .optional()
      .describe(
        'The folder that holds the toolchain where that is not /usr: what the command prints, or a path from it',
      ),
    requires: z.array(z.string()).default([]).describe('Further paths on the host that must exist'),
  }),
  shares: z
    .array(
      z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/)
        .refine((name) => !ownNames.includes(name), 'this name is taken inside'),
    )
    .default([])
    .describe('Folders beside this one whose programs it uses too, shown at /opt/paddock/NAME'),
  mounts: z
    .array(z.string())
    .default([])
    .describe('Further host paths to show read-only, at the same path; absent ones are left out'),
  prepare: z
    .strictObject({
      command: command.describe(
        'Run once in a sandbox; what it leaves in the working folder is at /opt/paddock/prepared later',
      ),
      timeoutMs: z.int().min(1).default(120_000),
      memoryMb: z.int().min(1).default(1_024),
      sizeMb: z.int().min(1).default(512).describe('Scratch space of the preparation'),
    })
    .optional(),
  sandboxes: z
    .enum(['forked', 'single'])
    .default('forked')
    .describe(
      'Forked from a fork server, or each made by a bubblewrap of its own: slower, otherwise the same',
    ),
  compile: stageCommandSchema
    .extend({
      artifacts: z
        .array(z.string())
        .default(['**'])
        .describe('Patterns of files carried from compilation to the runs'),
      limits: partialLimitsSchema
        .omit({ wallMs: true, cpuMs: true, compileMs: true })
        .default({})
        .describe('At least these while compiling; times are the caller’s, their defaults stand in limits'),
    })
    .optional(),
  run: stageCommandSchema.extend({
    resultSets: z
      .string()
      .regex(/^[^/*?[\]{}]+(\/[^/*?[\]{}]+)*$/, 'a path below the working folder, no pattern')
      .optional()
      .describe('File in the working folder that the program leaves its result sets in, as JSON'),
  }),
  env: z.record(z.string(), z.string()).default({}),
  limits: partialLimitsSchema.default({}),
  capabilities: z.array(z.string()).default([]),
});
export type RuntimeManifest = z.infer<typeof runtimeManifestSchema>;

export const runtimeInfoSchema = z
  .object({
    name: z.string(),
    title: z.string(),
    version: z.string(),
    aliases: z.array(z.string()),
    extensions: z.array(z.string()),
    fileName: z.string(),
    available: z.boolean(),
    reason: z.string().optional().describe('Why it is not available'),
    toolchain: z.string().optional().describe('What the toolchain says of itself'),
    image: z
      .string()
      .optional()
      .describe('Digest of the image that its sandboxes have as their root; missing: the host’s toolchain'),
    compiled: z.boolean(),
    startedAhead: z.boolean(),
    limits: limitsSchema.describe('Defaults of this runtime'),
    capabilities: z.array(z.string()),
  })
  .meta({ id: 'Runtime' });
export type RuntimeInfo = z.infer<typeof runtimeInfoSchema>;
