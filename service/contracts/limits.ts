import { z } from 'zod';

const limit = (max: number, unit: string) => z.int().min(1).max(max).describe(unit);

/**
 * What one stage of an execution (compile, run, each test) may use. Every field is a whole number of at least 1:
 * zero, negative and missing values never mean unlimited. The maxima here are the service's own ceiling; a tenant or
 * the configuration may set lower ones. A value above the maximum is refused, never clipped.
 */
export const limitsSchema = z
  .strictObject({
    wallMs: limit(300_000, 'Wall time of a run, in milliseconds'),
    cpuMs: limit(300_000, 'CPU time of a run, all its processes together, in milliseconds'),
    compileMs: limit(120_000, 'Wall time of the compilation, in milliseconds'),
    cpus: z.number().min(0.1).max(64).describe('CPU cores it may use at once (a quota, fractions allowed)'),
    memoryMb: limit(16_384, 'Memory with no swap, scratch files included, in MiB'),
    processes: limit(4_096, 'Processes and threads at once'),
    outputBytes: limit(16_777_216, 'Bytes of standard output, and as many of standard error'),
    scratchMb: limit(4_096, 'Size of the scratch space, in MiB'),
    scratchFiles: limit(1_000_000, 'Files and folders in the scratch space'),
    openFiles: limit(65_536, 'Open file descriptors of one process'),
    fileMb: limit(4_096, 'Size of one file, in MiB'),
  })
  .meta({ id: 'Limits', description: 'What one stage of an execution may use' });

export type Limits = z.infer<typeof limitsSchema>;
export type LimitName = keyof Limits;

/** Used where neither the request nor the runtime's manifest says otherwise. */
export const defaultLimits: Readonly<Limits> = Object.freeze({
  wallMs: 10_000,
  cpuMs: 10_000,
  compileMs: 20_000,
  cpus: 1,
  memoryMb: 256,
  processes: 64,
  outputBytes: 262_144,
  scratchMb: 64,
  scratchFiles: 4_096,
  openFiles: 256,
  fileMb: 64,
});

/** The most a request may ask for, where the configuration and the tenant set nothing lower. */
export const defaultMaxLimits: Readonly<Limits> = Object.freeze({
  wallMs: 120_000,
  cpuMs: 120_000,
  compileMs: 60_000,
  cpus: 4,
  memoryMb: 2_048,
  processes: 512,
  outputBytes: 16_777_216,
  scratchMb: 512,
  scratchFiles: 65_536,
  openFiles: 4_096,
  fileMb: 512,
});

export const partialLimitsSchema = limitsSchema.partial().meta({
  id: 'RequestedLimits',
  description: 'Limits that differ from the defaults of the runtime',
});
export type PartialLimits = z.infer<typeof partialLimitsSchema>;
