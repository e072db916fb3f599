import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type Allocation,
  allocationSchema,
  childJobSchema,
} from '../../service/cluster/nomad/api/answers.ts';
import type { poolSpecSchema } from '../../service/contracts/pool.ts';
import { type PoolsResponse, poolsResponseSchema } from '../../service/contracts/service.ts';
import type { CommandResult, NomadCluster } from './nomad-cluster.ts';
import { freePort, repository, type Service, type StartOptions, startService } from './start-service.ts';
import { waitFor } from './wait-for.ts';

export type PoolInput = z.input<typeof poolSpecSchema>;
export type PoolAnswer = PoolsResponse['pools'][number];

export interface InstallationOptions {
  readonly prefix: string;
  readonly pools: readonly PoolInput[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Paddock on a cluster of the tests: dispatchers as processes of this machine, executors as Nomad's allocations. */
export interface Installation {
  readonly prefix: string;
  /** PADDOCK_POOLS_FILE */
  readonly poolsFile: string;
  /** Starts one more. With the port of one that has ended, it takes its place. Resolves when it is ready. */
  startDispatcher(options?: StartOptions): Promise<Service>;
  writePools(pools: readonly PoolInput[]): void;
  /** Runs the paddock command line against the cluster. */
  paddock(...args: readonly string[]): Promise<CommandResult>;
  /** Dispatched jobs of the pool's executors that have not ended, as Nomad sees it. */
  children(pool: string): Promise<string[]>;
  /** Allocations of the pool's executors, ended ones too. */
  allocations(pool: string): Promise<Allocation[]>;
  running(pool: string): Promise<Allocation[]>;
  /** Resolves when so many executors of the pool run. */
  hasRunning(pool: string, count: number, timeoutMs?: number): Promise<Allocation[]>;
}

const SMALL = { cpuMhz: 200, memoryMb: 512, killTimeoutSeconds: 60 };

/** Pools whose executors are small, keep what they write within the cluster's folder, and have Python alone. */
const withFolders = (cluster: NomadCluster, { executor, ...pool }: PoolInput): PoolInput => ({
  ...{ minimum: 1, maximum: 4, headroom: 0 },
  ...pool,
  executor: {
    ...SMALL,
    ...executor,
    environment: {
      PADDOCK_STATE_DIR: `${cluster.folder}/state`,
      PADDOCK_CACHE_DIR: `${cluster.folder}/cache`,
      PADDOCK_IMAGES_DIR: `${cluster.folder}/images`,
      PADDOCK_WARM_MEMORY_MB: '32',
      ...executor?.environment,
    },
  },
});

const copyImages = (folder: string): void => {
  if (existsSync(folder)) return;
  mkdirSync(folder);
  cpSync(join(repository, 'images/python'), join(folder, 'python'), { recursive: true });
};

const hasEnded = ({ ClientStatus }: Allocation): boolean => !['pending', 'running'].includes(ClientStatus);

export const installPaddock = (cluster: NomadCluster, options: InstallationOptions): Installation => {
  const { prefix } = options;
  copyImages(join(cluster.folder, 'images'));
  const own = mkdtempSync(join(cluster.folder, `${prefix}-`));
  const poolsFile = join(own, 'pools.json');
  const writePools = (pools: readonly PoolInput[]): void =>
    writeFileSync(poolsFile, JSON.stringify({ pools: pools.map((pool) => withFolders(cluster, pool)) }));
  writePools(options.pools);

  const allocations = async (pool: string): Promise<Allocation[]> => {
    const listed = await cluster.get('/v1/allocations?resources=true');
    const all = z.array(allocationSchema).parse(listed);
    return all.filter(({ JobID }) => JobID.startsWith(`${prefix}-${pool}/`));
  };
  const running = async (pool: string): Promise<Allocation[]> =>
    (await allocations(pool)).filter(
      ({ ClientStatus, DesiredStatus }) => ClientStatus === 'running' && DesiredStatus === 'run',
    );
  return {
    ...{ prefix, poolsFile, writePools, allocations, running },
    paddock: (...args) =>
      new Promise((resolve) => {
        const own = { PADDOCK_POOLS_FILE: poolsFile, PADDOCK_NOMAD_PREFIX: prefix, ...options.env };
        const env = { ...process.env, ...cluster.environment, ...own };
        const command = execFile(
          join(repository, 'scripts/paddock'),
          args,
          { env, timeout: 60_000 },
          (_, stdout, stderr) => resolve({ status: command.exitCode, stdout, stderr }),
        );
      }),
    async startDispatcher(start = {}) {
      const port = start.port ?? (await freePort());
      return startService({
        ...start,
        ...{ port, stateDir: start.stateDir ?? join(own, `dispatcher-${port}`) },
        env: {
          ...cluster.environment,
          PADDOCK_CLUSTER: 'nomad',
          PADDOCK_POOLS_FILE: poolsFile,
          PADDOCK_NOMAD_PREFIX: prefix,
          PADDOCK_ADVERTISE: `${options.env?.PADDOCK_TLS_CERT ? 'https' : 'http'}://127.0.0.1:${port}`,
          PADDOCK_LOG_LEVEL: 'info',
          ...options.env,
          ...start.env,
        },
      });
    },
    async children(pool) {
      const start = `${prefix}-${pool}/`;
      const jobs = z
        .array(childJobSchema)
        .parse(await cluster.get(`/v1/jobs?prefix=${encodeURIComponent(start)}`));
      const ended = new Map<string, boolean>();
      for (const allocation of await allocations(pool)) {
        const { JobID } = allocation;
        ended.set(JobID, (ended.get(JobID) ?? true) && hasEnded(allocation));
      }
      return jobs
        .filter(({ ID, Status, Stop }) => !Stop && Status !== 'dead' && ended.get(ID) !== true)
        .map(({ ID }) => ID);
    },
    hasRunning: (pool, count, timeoutMs = 30_000) =>
      waitFor(
        async () => {
          const found = await running(pool);
          return found.length === count && found;
        },
        { what: `${count} executors of ${pool}`, timeoutMs, everyMs: 50 },
      ),
  };
};

export const poolsOf = async (url: string): Promise<PoolsResponse> => {
  const response = await fetch(`${url}/v1/pools`, { signal: AbortSignal.timeout(10_000) });
  return poolsResponseSchema.parse(await response.json());
};

export const poolOf = async (url: string, name: string): Promise<PoolAnswer> => {
  const found = (await poolsOf(url)).pools.find((pool) => pool.name === name);
  if (!found) throw new Error(`there is no pool ${name}`);
  return found;
};

export const leads = async (url: string): Promise<boolean> => (await poolsOf(url)).leader === true;
