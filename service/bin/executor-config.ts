import { z } from 'zod';
import { faultsOf } from '../contracts/errors.ts';
import type { ExecutorConfig } from '../executor/agent.ts';
import { defaultStoreFolder } from '../images/layout.ts';
import { openImageStore } from '../images/store.ts';
import { ConfigError, type Environment } from './config.ts';

/** What the process knows of where it runs. */
export interface ExecutorMachine {
  readonly projectFolder: string;
  readonly userId: number;
  readonly home: string;
  readonly hostname: string;
  readonly architecture: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly node: string;
}

/** Bodies come from a dispatcher, which has a limit of its own; this one only keeps a mistake from eating the memory. */
const BODY_LIMIT_BYTES = 768 * 1024 * 1024;
/** Above the ranges that distributions give to people and to rootless containers. */
const UID_BASE = 0x6000_0000;
const WARM_SHARE_OF_MEMORY = 0.25;
const MOST_WARM_MEMORY_MB = 4_096;
/** Programs come first: a kept result is worth less than room to run. */
const CACHE_SHARE_OF_MEMORY = 1 / 32;
const MOST_COMPILE_CACHE_MB = 256;
const RUNNING_PER_CORE = 2;

const count = z.coerce.number().int().min(0);

/** Names that skopeo and its kin know (containers-auth.json(5), containers-registries.conf(5)). */
export const registryVariables = [
  'REGISTRY_AUTH_FILE',
  'CONTAINERS_REGISTRIES_CONF',
  'XDG_RUNTIME_DIR',
] as const;

/** What every executor reads of its environment, wherever it runs. */
export const executorVariables = z.object({
  PADDOCK_STATE_DIR: z.string().startsWith('/'),
  PADDOCK_CACHE_DIR: z.string().startsWith('/'),
  PADDOCK_IMAGES_DIR: z.string().startsWith('/').optional(),
  PADDOCK_ALLOW_WEAKER: z.string().optional(),
  PADDOCK_MAX_RUNNING: count.min(1).optional(),
  PADDOCK_WARM_MEMORY_MB: count.optional(),
  PADDOCK_COMPILE_CACHE_MB: count.max(65_536).optional(),
  PADDOCK_FORK_SERVERS: z.enum(['0', '1'], 'must be 0 or 1').default('1'),
  PADDOCK_CAPABILITIES: z.string().default(''),
  PADDOCK_IMAGE_STORE: z.string().startsWith('/').optional(),
  REGISTRY_AUTH_FILE: z.string().optional(),
  CONTAINERS_REGISTRIES_CONF: z.string().optional(),
  XDG_RUNTIME_DIR: z.string().optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});

const localVariables = executorVariables.extend({
  PADDOCK_EXECUTOR_ID: z.string().min(1),
  PADDOCK_EXECUTOR_TOKEN: z.string().min(32),
});

/** @throws ConfigError that lists every fault */
export const readVariables = <Schema extends z.ZodType>(
  schema: Schema,
  env: Environment,
): z.output<Schema> => {
  // An empty variable is how a shell or a unit file leaves one out.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success)
    throw new ConfigError(faultsOf(parsed.error).map(({ path, message }) => `${path}: ${message}`));
  return parsed.data;
};

/** What skopeo reads of its environment: where credentials and mirrors are. */
const imagesOf = (
  { PADDOCK_IMAGE_STORE, PATH, ...values }: z.output<typeof executorVariables>,
  machine: ExecutorMachine,
): Pick<ExecutorConfig, 'images'> => {
  const skopeo = Object.fromEntries(
    registryVariables.flatMap((name) => (values[name] ? [[name, values[name]]] : [])),
  );
  const env = { PATH, HOME: machine.home, PADDOCK_IMAGE_STORE, ...skopeo };
  const folder = defaultStoreFolder(env, machine.userId === 0);
  return { images: openImageStore(folder, { env }) };
};

export const executorConfigOf = (
  values: z.output<typeof executorVariables>,
  id: string,
  machine: ExecutorMachine,
  gentle: boolean,
): ExecutorConfig =>
  Object.freeze({
    id,
    node: machine.hostname,
    stateFolder: values.PADDOCK_STATE_DIR,
    cacheFolder: values.PADDOCK_CACHE_DIR,
    imagesFolder: values.PADDOCK_IMAGES_DIR ?? `${machine.projectFolder}/images`,
    nativeFolder: `${machine.projectFolder}/.build`,
    userId: machine.userId,
    uidBase: UID_BASE,
    architecture: machine.architecture,
    cores: machine.cores,
    maxRunning: values.PADDOCK_MAX_RUNNING ?? Math.max(2, machine.cores * RUNNING_PER_CORE),
    warmMemoryMb:
      values.PADDOCK_WARM_MEMORY_MB ??
      Math.min(MOST_WARM_MEMORY_MB, Math.floor(machine.memoryMb * WARM_SHARE_OF_MEMORY)),
    compileCacheMb:
      values.PADDOCK_COMPILE_CACHE_MB ??
      Math.min(MOST_COMPILE_CACHE_MB, Math.floor(machine.memoryMb * CACHE_SHARE_OF_MEMORY)),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    allowWeaker: /^(1|true|yes|all)$/i.test(values.PADDOCK_ALLOW_WEAKER ?? ''),
    forkServers: values.PADDOCK_FORK_SERVERS === '1',
    capabilities: values.PADDOCK_CAPABILITIES.split(/[\s,]+/).filter((word) => word !== ''),
    surroundings: { path: values.PATH, home: machine.home, node: machine.node },
    gentle,
    ...imagesOf(values, machine),
  });

export interface LocalExecutorConfig {
  readonly executor: ExecutorConfig;
  /** What the cluster that started it shows. */
  readonly token: string;
}

/**
 * The configuration of one executor, as the local cluster that starts it hands it over.
 * @throws ConfigError that lists every fault
 */
export const readExecutorConfig = (env: Environment, machine: ExecutorMachine): LocalExecutorConfig => {
  const values = readVariables(localVariables, env);
  const executor = executorConfigOf(values, values.PADDOCK_EXECUTOR_ID, machine, false);
  return Object.freeze({ executor, token: values.PADDOCK_EXECUTOR_TOKEN });
};
