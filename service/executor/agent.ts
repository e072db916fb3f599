import { mkdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type ExecutorStatus, PaddockError } from '../contracts/index.ts';
import { type CompileCache, createCompileCache } from './compile-cache/cache.ts';
import { execute } from './execution.ts';
import { type Inspection, inspectIsolation, refusal } from './isolation.ts';
import { clearAbandoned, type Place, takePlace, UIDS_PER_PLACE } from './place.ts';
import { type Catalogue, openCatalogue, type Runtime } from './runtimes/catalogue.ts';
import type { ProbeSurroundings } from './runtimes/probe.ts';
import type { StagePlan } from './runtimes/stage-plan.ts';
import { createBubblewrapMaker } from './sandbox/bubblewrap.ts';
import { writeEtc } from './sandbox/etc.ts';
import { type Launcher, startLauncher } from './sandbox/launcher.ts';
import type { SandboxMaker } from './sandbox/port.ts';
import { seccompFilter } from './sandbox/seccomp/filter.ts';
import { createSlots } from './sandbox/slots.ts';
import { createExecutorServer } from './server.ts';
import { createWarmSet, type WarmSet } from './warm-set.ts';

export interface ExecutorConfig {
  readonly id: string;
  readonly node: string;
  readonly token: string;
  readonly stateFolder: string;
  readonly cacheFolder: string;
  readonly imagesFolder: string;
  /** Folder of paddock-launch and paddock-init. */
  readonly nativeFolder: string;
  readonly userId: number;
  readonly uidBase: number;
  readonly architecture: string;
  readonly cores: number;
  readonly maxRunning: number;
  readonly warmMemoryMb: number;
  /** Budget of kept results of compilations; 0 keeps none. */
  readonly compileCacheMb: number;
  readonly bodyLimitBytes: number;
  readonly allowWeaker: boolean;
  readonly capabilities: readonly string[];
  readonly surroundings: ProbeSurroundings;
}

export interface ExecutorLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface Executor {
  readonly server: Server;
  /** Resolves when sandboxes can no longer be made: the process is of no use any more and should end. */
  readonly broken: Promise<void>;
  /** Takes no more work and resolves when what runs has ended, or after the grace. */
  drain(graceMs: number): Promise<void>;
  /** Kills what is left and removes every trace from the machine. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const START_TIMEOUT_MS = 30_000;
/** Making one mostly waits for the kernel (grace periods of mounts and cgroups), so one for each core leaves it idle. */
const MAKERS_PER_CORE = 2;
const MOST_WARM_PER_KIND = 32;
/** Sandboxes beyond the running and the warm: being made, or being cleaned up. */
const SPARE_SLOTS = 64;
/** Of one that starts nothing ahead: bubblewrap's two processes and the first one inside. */
const PLAIN_SANDBOX_MB = 2;

interface Parts {
  readonly place: Place;
  readonly maker: SandboxMaker;
  readonly launcher: Launcher;
  readonly inspection: Inspection;
}

const prepareMachine = async (config: ExecutorConfig): Promise<Parts> => {
  await clearAbandoned(config.stateFolder, config.userId);
  const place = await takePlace(
    config.stateFolder,
    config.userId,
    config.userId === 0 ? config.uidBase : undefined,
  );
  const launch = `${config.nativeFolder}/paddock-launch`;
  const init = `${config.nativeFolder}/paddock-init`;
  const inspection = inspectIsolation({
    userId: config.userId,
    architecture: config.architecture,
    launch,
    init,
    cgroupName: `place-${place.number}`,
  });
  const refused = refusal(inspection, config.allowWeaker);
  if (refused !== undefined) {
    place.release();
    throw new Error(refused);
  }
  place.note(inspection.cgroup.driver?.roots ?? []);
  const seccompPath = `${place.folder}/seccomp.bpf`;
  writeFileSync(seccompPath, seccompFilter(config.architecture), { mode: 0o644 });
  writeEtc(`${place.folder}/etc`);
  mkdirSync(`${place.folder}/slots`, { mode: 0o711 });
  const most = Math.min(UIDS_PER_PLACE, config.maxRunning * 2 + MOST_WARM_PER_KIND * 8 + SPARE_SLOTS);
  const launcher = startLauncher(launch);
  const maker = createBubblewrapMaker({
    bwrap: inspection.bwrap ?? '',
    launcher,
    init,
    etc: `${place.folder}/etc`,
    seccompPath,
    slots: createSlots(`${place.folder}/slots`, place.firstUid, most),
    cgroups: inspection.cgroup.driver,
    startTimeoutMs: START_TIMEOUT_MS,
  });
  return { place, maker, launcher, inspection };
};

const keepWarm = (warmSet: WarmSet, { info, compile, run }: Runtime): void => {
  const keep = (plan: StagePlan, stage: 'compile' | 'run'): void =>
    warmSet.keep({
      spec: plan.spec,
      runtime: info.name,
      version: info.version,
      stage,
      memoryMb: plan.warm?.memoryMb ?? PLAIN_SANDBOX_MB,
      startMs: plan.warm?.startMs ?? 20,
    });
  if (compile) keep(compile, 'compile');
  keep(run, 'run');
};

interface Work {
  readonly running: Set<Promise<unknown>>;
  state: ExecutorStatus['state'];
  executions: number;
  internalErrors: number;
}

const describe = (
  config: ExecutorConfig,
  parts: Parts,
  catalogue: Catalogue,
  warmSet: WarmSet,
  compileCache: CompileCache | undefined,
  work: Work,
  startedAt: string,
): ExecutorStatus => {
  const counters = warmSet.counters();
  return {
    id: config.id,
    node: config.node,
    state: work.state,
    startedAt,
    capabilities: [...config.capabilities],
    runtimes: catalogue.infos(),
    running: work.running.size,
    maxRunning: config.maxRunning,
    warm: warmSet.status(),
    warmBytes: counters.warmMb * MEBIBYTE,
    warmBudgetBytes: config.warmMemoryMb * MEBIBYTE,
    rssBytes: process.memoryUsage.rss(),
    isolation: parts.inspection.isolation,
    compileCache: compileCache?.status(),
    counters: {
      executions: work.executions,
      sandboxesCreated: counters.created,
      sandboxesFailed: counters.failed,
      warmHits: counters.hits,
      warmMisses: counters.misses,
      internalErrors: work.internalErrors,
    },
  };
};

/**
 * An executor that is ready to listen: it has its place on the machine, its leftovers from before are gone, and its
 * warm set fills.
 * @throws where a limit cannot be enforced here and weaker ones were not allowed
 */
export const createExecutor = async (config: ExecutorConfig, log: ExecutorLog): Promise<Executor> => {
  const parts = await prepareMachine(config);
  await parts.inspection.cgroup.driver?.clear();
  const work: Work = { running: new Set(), state: 'ready', executions: 0, internalErrors: 0 };
  const onFault = (runtime: string, error: Error): void => {
    // At the end everything is killed in the middle, which is no fault of anybody's.
    if (work.state === 'ready') log.warn({ runtime, err: error }, 'a sandbox or a preparation failed');
  };
  const warmSet = createWarmSet({
    maker: parts.maker,
    budgetMb: config.warmMemoryMb,
    makersAtOnce: MAKERS_PER_CORE * config.cores,
    mostPerKind: MOST_WARM_PER_KIND,
    onFault,
    now: () => performance.now(),
  });
  const catalogue = await openCatalogue({
    imagesFolder: config.imagesFolder,
    cacheFolder: config.cacheFolder,
    surroundings: config.surroundings,
    maker: parts.maker,
    onReady: (runtime) => keepWarm(warmSet, runtime),
    onFault,
  });
  const startedAt = new Date().toISOString();
  const onCleanupFault = (error: Error): void =>
    log.warn({ err: error }, 'a sandbox could not be cleaned up');
  const compileCache =
    config.compileCacheMb === 0 ? undefined : createCompileCache(config.compileCacheMb * MEBIBYTE);
  const deps = { runtimes: catalogue, warmSet, compileCache, now: () => performance.now(), onCleanupFault };

  const admit = (): void => {
    if (work.state !== 'ready') throw new PaddockError('shutting-down');
    if (work.running.size >= config.maxRunning) {
      throw new PaddockError('executor-busy', { detail: `${work.running.size} executions run here` });
    }
  };
  const server = createExecutorServer(
    {
      token: config.token,
      bodyLimitBytes: config.bodyLimitBytes,
      onInternalError: (error) => {
        work.internalErrors += 1;
        log.warn({ err: error }, 'an execution failed on our side');
      },
    },
    {
      admit,
      status: () => describe(config, parts, catalogue, warmSet, compileCache, work, startedAt),
      async execute(request, signal, emit) {
        admit();
        work.executions += 1;
        const run = execute(request, deps, signal, emit);
        const settled = run.catch(() => {});
        work.running.add(settled);
        try {
          return await run;
        } finally {
          work.running.delete(settled);
        }
      },
    },
  );
  return {
    server,
    broken: parts.launcher.gone,
    async drain(graceMs) {
      work.state = 'draining';
      const timeout = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([Promise.all(work.running), timeout]);
    },
    async close() {
      work.state = 'draining';
      server.close();
      server.closeAllConnections();
      await warmSet.close();
      await parts.maker.close();
      parts.launcher.close();
      await parts.launcher.gone;
      await parts.inspection.cgroup.driver?.clear();
      parts.place.release();
    },
  };
};
