import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../cluster/clock.ts';
import { createLocalCluster } from '../cluster/local.ts';
import type { Cluster, TlsIdentity } from '../cluster/port.ts';
import type { NomadClusterConfig, TlsFiles } from './cluster-config.ts';
import { clusterSettings } from './cluster-settings.ts';
import { ConfigError, type ServiceConfig } from './config.ts';
import { readPools } from './pools-file.ts';

interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** The cluster that the configuration names: child processes here, or allocations on Nomad. */
export const openCluster = async (
  config: ServiceConfig,
  tls: TlsIdentity | undefined,
  projectRoot: string,
  log: Log,
): Promise<Cluster> =>
  config.nomad
    ? openNomadCluster(config.nomad, config, tls, projectRoot, log)
    : createLocalCluster({
        program: join(projectRoot, 'service/bin/executor.ts'),
        count: config.executors,
        pool: 'default',
        execArgv: ['--max-semi-space-size=8', '--v8-pool-size=1'],
        environment: { ...config.executorEnvironment, ...compileCache(), MALLOC_ARENA_MAX: '1' },
        clock: systemClock,
        randomBytes,
        log,
      });

/** Without it, each executor would load the TypeScript stripper, which costs 27 MB. */
const compileCache = (): Record<string, string> => {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
};

const openNomadCluster = async (
  nomad: NomadClusterConfig,
  config: ServiceConfig,
  tls: TlsIdentity | undefined,
  projectRoot: string,
  log: Log,
): Promise<Cluster> => {
  const pools = readPools(nomad.poolsFile);
  // Loaded only here: a service on one machine has no use for it.
  const [{ createNomadCluster }, { openNomadApi }, { registerPools }] = await Promise.all([
    import('../cluster/nomad/cluster.ts'),
    import('../cluster/nomad/api/open.ts'),
    import('../cluster/nomad/register.ts'),
  ]);
  const api = openNomadApi(nomad.connection);
  const { namespace } = nomad.connection;
  const settings = clusterSettings({ ...nomad, tls: config.tls }, projectRoot, config.dispatcher.version);
  /** Told once, though it is tried again and again. */
  const refused = new Map<string, string>();
  const register = async (): Promise<void> => {
    const results = await registerPools(api, pools, settings);
    const failed = results.filter((result) => result.outcome === 'failed');
    // One pool that Nomad refuses, say because its node pool is missing, leaves the others as they are.
    if (failed[0] && failed.length === results.length) throw failed[0].error;
    for (const { pool, error } of failed) {
      if (refused.get(pool) !== error.message)
        log.warn({ pool, err: error }, "a pool's job was not registered");
      refused.set(pool, error.message);
    }
    for (const result of results) {
      if (result.outcome === 'failed') continue;
      refused.delete(result.pool);
      if (result.outcome !== 'unchanged')
        log.info({ pool: result.pool, job: result.jobId }, `the pool's job was ${result.outcome}`);
      if (result.warnings) log.warn({ pool: result.pool, warnings: result.warnings }, 'Nomad warns of a job');
    }
  };
  const name = nomad.name ?? `${hostname()}-${randomUUID().slice(0, 8)}`;
  return createNomadCluster({
    ...{ api, prefix: nomad.prefix, namespace, pools, tls, register, log },
    self: { dispatcher: name, url: nomad.advertise },
    clock: systemClock,
    newId: randomUUID,
  });
};

/** @throws ConfigError that names each file that cannot be read */
export const readTls = (files: TlsFiles | undefined): TlsIdentity | undefined => {
  if (!files) return undefined;
  const faults: string[] = [];
  const read = (variable: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      faults.push(`${variable}: ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
      return '';
    }
  };
  const identity = {
    ca: read('PADDOCK_TLS_CA', files.ca),
    cert: read('PADDOCK_TLS_CERT', files.cert),
    key: read('PADDOCK_TLS_KEY', files.key),
  };
  if (faults.length > 0) throw new ConfigError(faults);
  return identity;
};
