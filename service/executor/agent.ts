import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { systemClock } from '../cluster/clock.ts';
import { type ExecutorBrief, type ExecutorStatus, PaddockError } from '../contracts/index.ts';
import type { ImageStore, StoredImage } from '../images/store.ts';
import { createCompileCache } from './compile-cache/cache.ts';
import { createCustomImages, type PullImage } from './custom-images.ts';
import { execute } from './execution.ts';
import { createGentleStart } from './gentle-start.ts';
import { takeMachine } from './machine.ts';
import { type Catalogue, openCatalogue } from './runtimes/catalogue.ts';
import { imagesNamed } from './runtimes/load.ts';
import type { Runtime } from './runtimes/make-runtime.ts';
import type { StagePlan } from './runtimes/stage-plan.ts';
import type { ProbeSurroundings } from './runtimes/surroundings.ts';
import { type Access, createExecutorServer } from './server.ts';
import { createStatus, type Status, type Work } from './status.ts';
import { createWarmSet, type WarmKind } from './warm-set.ts';

export interface ExecutorConfig {
  readonly id: string;
  readonly node: string;
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
  /** false: every sandbox is made by a bubblewrap of its own, whatever its manifest says. */
  readonly forkServers: boolean;
  readonly capabilities: readonly string[];
  readonly surroundings: ProbeSurroundings;
  /** Fills its stock only once it listens, and bit by bit while the machine is busy: for many that start at once. */
  readonly gentle: boolean;
  /** Unpacked images of this node: the roots of the runtimes that have one here. */
  readonly images: ImageStore;
}

export interface ExecutorLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface Executor {
  readonly server: ReturnType<typeof createExecutorServer>;
  /** Resolves when sandboxes can no longer be made: the process is of no use any more and should end. */
  readonly broken: Promise<void>;
  status(): ExecutorStatus | ExecutorBrief;
  /** Takes no more work and resolves when what runs has ended and is answered, or after the grace. */
  drain(graceMs: number): Promise<void>;
  /** Kills what is left and removes every trace from the machine. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
/** Making one mostly waits for the kernel (grace periods of mounts and cgroups), so one for each core leaves it idle. */
const MAKERS_PER_CORE = 2;
const MOST_WARM_PER_KIND = 32;
/** A caller that does not read its answer is not waited for. */
const LAST_ANSWERS_MS = 5_000;
/** Beyond the running and the warm: being made, or being cleaned up. */
const SPARE_SANDBOXES = 64;
/** Of one that starts nothing ahead: bubblewrap's two processes and the first one inside. */
const PLAIN_SANDBOX_MB = 2;

/** No name: pruning may take it when nobody has wanted it for a while. */
const pullInto =
  (images: ImageStore): PullImage =>
  (reference, { signal, onProgress }) =>
    images.pull(reference, { signal, onProgress: (event) => onProgress({ image: reference, ...event }) });

/** The runtime as it is here, or with the image that the request names. */
const runtimesWith = (
  catalogue: Catalogue,
  image: StoredImage | undefined,
): { get(name: string, version: string): Promise<Runtime> } =>
  image ? { get: (name, version) => catalogue.withImage(name, version, image) } : catalogue;

const kindsOf = ({ info, compile, run }: Runtime): WarmKind[] => {
  const kind = (plan: StagePlan, stage: 'compile' | 'run'): WarmKind => ({
    spec: plan.spec,
    runtime: info.name,
    version: info.version,
    stage,
    memoryMb: plan.warm?.memoryMb ?? PLAIN_SANDBOX_MB,
    startMs: plan.warm?.startMs ?? 20,
  });
  return [...(compile ? [kind(compile, 'compile')] : []), kind(run, 'run')];
};

/** Processes that want a processor now, of the whole machine, more than it has. */
const isMachineBusy = (cores: number): boolean => {
  const running = /(\d+)\/\d+ \d+$/.exec(readFileSync('/proc/loadavg', 'utf8').trim())?.[1];
  return Number(running ?? 0) > cores;
};

/** A result that is large is still on its way when its execution has ended, and closing would cut it off. */
const watchAnswers = (server: Executor['server']): { sent(mostMs: number): Promise<void> } => {
  const open = new Set<ServerResponse>();
  server.on('request', (_request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
  });
  return {
    async sent(mostMs) {
      const signal = AbortSignal.timeout(mostMs);
      const closed = [...open].map((response) => once(response, 'close', { signal }).catch(() => {}));
      await Promise.all(closed);
    },
  };
};

/**
 * An executor that is ready to listen: it has its place on the machine, its leftovers from before are gone, and its
 * warm set fills.
 * @throws where a limit cannot be enforced here and weaker ones were not allowed
 */
export const createExecutor = async (
  config: ExecutorConfig,
  access: Access,
  log: ExecutorLog,
): Promise<Executor> => {
  const work: Work = { running: new Set(), state: 'ready', executions: 0, internalErrors: 0 };
  let status: Status | undefined;
  const onFault = (runtime: string, error: Error): void => {
    // A preparation that failed makes its runtime unavailable.
    status?.forget();
    // At the end everything is killed in the middle, which is no fault of anybody's.
    if (work.state === 'ready') log.warn({ runtime, err: error }, 'a sandbox or a preparation failed');
  };
  const mostSandboxes = config.maxRunning * 2 + MOST_WARM_PER_KIND * 8 + SPARE_SANDBOXES;
  const onFallback = (error: Error): void => onFault('fork server', error);
  const machine = await takeMachine({ ...config, mostSandboxes, onFallback });
  const warmSet = createWarmSet({
    maker: machine.maker,
    budgetMb: config.warmMemoryMb,
    makersAtOnce: MAKERS_PER_CORE * config.cores,
    mostPerKind: MOST_WARM_PER_KIND,
    onFault,
    now: () => performance.now(),
  });
  const gentle = createGentleStart({
    isBusy: () => isMachineBusy(config.cores),
    clock: systemClock,
    random: Math.random,
  });
  // Held before they are looked at: what the store's pruning takes meanwhile is not among them.
  const used = imagesNamed(config.imagesFolder, config.images);
  const lease = used.length > 0 ? await config.images.hold(used) : undefined;
  const customImages = createCustomImages(config.images, pullInto(config.images), (reference, signal) =>
    config.images.prove(reference, signal),
  );
  const catalogue = await openCatalogue({
    imagesFolder: config.imagesFolder,
    cacheFolder: config.cacheFolder,
    forkServers: config.forkServers,
    surroundings: config.surroundings,
    images: config.images,
    maker: machine.maker,
    onReady(runtime) {
      for (const kind of kindsOf(runtime)) {
        if (config.gentle) gentle.add(kind.startMs, () => warmSet.keep(kind));
        else warmSet.keep(kind);
      }
    },
    onFault,
  });
  const onCleanupFault = (error: Error): void =>
    log.warn({ err: error }, 'a sandbox could not be cleaned up');
  const compileCache =
    config.compileCacheMb === 0 ? undefined : createCompileCache(config.compileCacheMb * MEBIBYTE);
  status = createStatus({ config, machine, catalogue, warmSet, compileCache, work, now: () => new Date() });
  const deps = { warmSet, compileCache, now: () => performance.now(), onCleanupFault };

  const admit = (): void => {
    if (work.state !== 'ready') throw new PaddockError('shutting-down');
    if (work.running.size >= config.maxRunning) {
      throw new PaddockError('executor-busy', { detail: `${work.running.size} executions run here` });
    }
  };
  const server = createExecutorServer(
    {
      ...access,
      bodyLimitBytes: config.bodyLimitBytes,
      onInternalError: (error) => {
        work.internalErrors += 1;
        log.warn({ err: error }, 'an execution failed on our side');
      },
    },
    {
      admit,
      status: status.say,
      load: status.load,
      async execute(request, signal, emit, tell) {
        admit();
        // One that waits for its image keeps nobody else from running.
        const held = request.image && (await customImages.take(request.image, request.tenant, signal, tell));
        try {
          if (held) admit();
          work.executions += 1;
          const runtimes = runtimesWith(catalogue, held ? held.image : undefined);
          const run = execute(request, { ...deps, runtimes }, signal, emit);
          const settled = run.catch(() => {});
          work.running.add(settled);
          return await run.finally(() => work.running.delete(settled));
        } catch (error) {
          if (!held || error instanceof PaddockError) throw error;
          // What is in it is the caller's, so that it does not start is no fault of ours.
          const detail = 'no sandbox with this image comes up, or its toolchain does not start';
          throw new PaddockError('image-unavailable', { detail }, { cause: error });
        } finally {
          if (held) held.release();
        }
      },
    },
  );
  const answers = watchAnswers(server);
  server.once('listening', gentle.begin);
  return {
    server,
    broken: machine.launcher.gone,
    status: () => status.say(undefined),
    async drain(graceMs) {
      work.state = 'draining';
      const timeout = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      const settled = Promise.all(work.running).then(() => answers.sent(LAST_ANSWERS_MS));
      await Promise.race([settled, timeout]);
    },
    async close() {
      work.state = 'draining';
      server.close();
      server.closeAllConnections();
      gentle.close();
      await customImages.close();
      await warmSet.close();
      await machine.close();
      lease?.release();
    },
  };
};
