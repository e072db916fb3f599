import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { dispatcherServerName } from '../contracts/cluster-api.ts';
import { allowedImagesSchema } from '../contracts/image.ts';
import { defaultMaxLimits, type Limits, partialLimitsSchema } from '../contracts/limits.ts';
import { defaultTokensFile } from '../contracts/token.ts';
import type { DispatcherSettings } from '../dispatcher/settings.ts';
import {
  clusterVariables,
  faultsOfVariables,
  type NomadClusterConfig,
  readNomadCluster,
  readTlsPaths,
  type TlsFiles,
} from './cluster-config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServiceConfig {
  readonly host: string;
  readonly port: number;
  readonly tokensFile: string;
  readonly logLevel: LogLevel;
  readonly graceMs: number;
  readonly executors: number;
  /** All that an executor sees of the environment, besides its id and token. */
  readonly executorEnvironment: Readonly<Record<string, string>>;
  readonly dispatcher: DispatcherSettings;
  /** Undefined: executors on this machine, as child processes. */
  readonly nomad: NomadClusterConfig | undefined;
  /** Undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Variables that look like ours and are none: a misspelt one would otherwise do nothing, silently. */
  readonly unknown: readonly string[];
}

/** Lists every fault at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration is not valid:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path');
const words = z.string().transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''));

const allowedImages = words.pipe(z.array(allowedImagesSchema));

const sizePattern = /^(\d+)([kKmM]?)$/;
const size = z
  .string()
  .regex(sizePattern, 'must be a number of bytes, for example 8388608, 8192k or 8m')
  .transform((text) => {
    const [, number, unit] = sizePattern.exec(text) ?? [];
    const factor = unit === '' ? 1 : unit?.toLowerCase() === 'k' ? 1_024 : 1_048_576;
    return Number(number) * factor;
  })
  .pipe(z.int().min(1_024, 'must be at least 1k').max(536_870_912, 'must be at most 512m'));

/** `wallMs=60000,memoryMb=1024` */
const limitList = words
  .transform((entries) =>
    Object.fromEntries(
      entries.map((entry) => {
        const [name = '', value = ''] = entry.split('=', 2);
        return [name, value === '' ? Number.NaN : Number(value)];
      }),
    ),
  )
  .pipe(partialLimitsSchema);

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const serviceVariables = z.object({
  PADDOCK_HOST: z.string().default('127.0.0.1'),
  PADDOCK_PORT: whole(0, 65_535).default(7_070),
  PADDOCK_ALLOWED_HOSTS: words.default([]),
  PADDOCK_TOKENS_FILE: absolutePath.optional(),
  PADDOCK_BODY_LIMIT: size.default(8_388_608),
  PADDOCK_QUEUE_LIMIT: whole(1, 100_000).default(256),
  PADDOCK_MAX_LIMITS: limitList.default({}),
  PADDOCK_ALLOWED_IMAGES: allowedImages.default([]),
  PADDOCK_GRACE_MS: whole(0, 600_000).default(30_000),
  PADDOCK_LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).optional(),
  PADDOCK_EXECUTORS: whole(1, 64).default(1),
});

/** Checked here as far as text can be, passed on as they are; the executor reads them. */
const executorVariables = z.object({
  PADDOCK_STATE_DIR: absolutePath.optional(),
  PADDOCK_CACHE_DIR: absolutePath.optional(),
  PADDOCK_IMAGES_DIR: absolutePath.optional(),
  PADDOCK_ALLOW_WEAKER: z.string().optional(),
  PADDOCK_MAX_RUNNING: whole(1, 10_000).optional(),
  PADDOCK_WARM_MEMORY_MB: whole(0, 1_048_576).optional(),
  PADDOCK_COMPILE_CACHE_MB: whole(0, 65_536).optional(),
  PADDOCK_FORK_SERVERS: z.enum(['0', '1'], 'must be 0 or 1').optional(),
  PADDOCK_CAPABILITIES: z.string().optional(),
  PADDOCK_IMAGE_STORE: absolutePath.optional(),
  REGISTRY_AUTH_FILE: absolutePath.optional(),
  CONTAINERS_REGISTRIES_CONF: absolutePath.optional(),
  XDG_RUNTIME_DIR: absolutePath.optional(),
});

const schema = serviceVariables.extend(executorVariables.shape).extend(clusterVariables);
/** Read by the command line, not by the service. */
const otherVariables = [
  'PADDOCK_IMAGES_FILE',
  'PADDOCK_URL',
  'PADDOCK_TOKEN',
  'PADDOCK_EXECUTOR_ID',
  'PADDOCK_EXECUTOR_TOKEN',
];
const known: ReadonlySet<string> = new Set([...Object.keys(schema.shape), ...otherVariables]);

export interface Machine {
  readonly uid: number;
  readonly home: string;
  readonly version: string;
}

/** The whole configuration from the environment, frozen; throws a ConfigError. Does no I/O. */
export const readConfig = (env: Environment, machine: Machine): ServiceConfig => {
  // An empty variable is how a shell or a unit file leaves one out.
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new ConfigError(faultsOfVariables(parsed.error));
  const values = parsed.data;
  const faults: string[] = [];
  const tls = readTlsPaths(values, faults);
  const at = { host: values.PADDOCK_HOST, port: values.PADDOCK_PORT, secure: tls !== undefined };
  const nomad = readNomadCluster(values, given, at, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  const configHome = given.XDG_CONFIG_HOME;
  return Object.freeze({
    host: values.PADDOCK_HOST,
    port: values.PADDOCK_PORT,
    tokensFile:
      values.PADDOCK_TOKENS_FILE ?? defaultTokensFile({ uid: machine.uid, home: machine.home, configHome }),
    logLevel: values.PADDOCK_LOG_LEVEL ?? 'info',
    graceMs: values.PADDOCK_GRACE_MS,
    executors: values.PADDOCK_EXECUTORS,
    ...{ nomad, tls },
    executorEnvironment: Object.freeze(executorEnvironment(given, machine)),
    dispatcher: Object.freeze({
      version: machine.version,
      loopback: isLoopback(values.PADDOCK_HOST),
      allowedHosts: Object.freeze(
        allowedHosts(values.PADDOCK_ALLOWED_HOSTS, values.PADDOCK_HOST, nomad, tls),
      ),
      bodyLimitBytes: values.PADDOCK_BODY_LIMIT,
      queueLimit: values.PADDOCK_QUEUE_LIMIT,
      maxLimits: Object.freeze<Limits>({ ...defaultMaxLimits, ...values.PADDOCK_MAX_LIMITS }),
      allowedImages: Object.freeze(values.PADDOCK_ALLOWED_IMAGES),
      statusEveryMs: 500,
      heartbeatMs: 15_000,
    }),
    unknown: Object.keys(given).filter((name) => name.startsWith('PADDOCK_') && !known.has(name)),
  });
};

/**
 * Executors and other dispatchers call this one by the name that it goes by, and who checks its certificate may call it
 * by the name that is in there. An empty list off loopback allows all.
 */
const allowedHosts = (
  named: string[],
  host: string,
  nomad: NomadClusterConfig | undefined,
  tls: TlsFiles | undefined,
): string[] => {
  if (named.length === 0 && !isLoopback(host)) return named;
  return [
    ...named,
    ...(nomad ? [new URL(nomad.advertise).hostname] : []),
    ...(tls ? [dispatcherServerName] : []),
  ];
};

const executorEnvironment = (
  given: Readonly<Record<string, string | undefined>>,
  machine: Machine,
): Record<string, string> => {
  const isRoot = machine.uid === 0;
  const runtimeDir = given.XDG_RUNTIME_DIR ?? `${machine.home}/.local/state`;
  const environment: Record<string, string> = {
    PATH: given.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: given.LANG ?? 'C.UTF-8',
    PADDOCK_STATE_DIR: isRoot ? '/run/paddock' : `${runtimeDir}/paddock`,
    PADDOCK_CACHE_DIR: isRoot ? '/var/cache/paddock' : `${machine.home}/.cache/paddock`,
  };
  for (const name of Object.keys(executorVariables.shape)) {
    const value = given[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
};

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
