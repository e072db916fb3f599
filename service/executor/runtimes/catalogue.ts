import { createHash } from 'node:crypto';
import { defaultLimits, type Limits, PaddockError, type RuntimeInfo } from '../../contracts/index.ts';
import type { SandboxMaker } from '../sandbox/port.ts';
import { type LoadedManifest, loadManifests } from './load.ts';
import { prepare } from './prepare.ts';
import type { ProbeSurroundings, Toolchain } from './probe.ts';
import { probeOrRecall } from './probe-memory.ts';
import { planStage, type StagePlan } from './stage-plan.ts';

/** A runtime that can be used now. */
export interface Runtime {
  readonly info: RuntimeInfo;
  /** Changes with all that its stages are made from: manifest, programs beside it, toolchain, what was prepared. */
  readonly identity: string;
  readonly extensions: readonly string[];
  readonly compile?: StagePlan & { readonly artifacts: readonly string[]; readonly limits: Partial<Limits> };
  readonly run: StagePlan;
}

export interface Catalogue {
  infos(): RuntimeInfo[];
  /**
   * Waits for the runtime's preparation where that is still under way.
   * @throws PaddockError unknown-runtime, runtime-unavailable
   */
  get(name: string, version: string): Promise<Runtime>;
  /** Resolves when every preparation has ended, well or not. */
  readonly settled: Promise<void>;
}

export interface CatalogueConfig {
  readonly imagesFolder: string;
  readonly cacheFolder: string;
  readonly forkServers: boolean;
  readonly surroundings: ProbeSurroundings;
  readonly maker: SandboxMaker;
  /** Called for each runtime as it becomes ready: the warm set starts there. */
  readonly onReady: (runtime: Runtime) => void;
  readonly onFault: (runtime: string, error: Error) => void;
}

interface Entry {
  info: RuntimeInfo;
  ready: Promise<Runtime | undefined>;
}

const infoOf = (
  { manifest }: LoadedManifest,
  toolchain: Toolchain | undefined,
  reason?: string,
): RuntimeInfo => ({
  name: manifest.name,
  title: manifest.title,
  version: toolchain?.version ?? manifest.version ?? '0',
  aliases: manifest.aliases,
  extensions: manifest.extensions,
  fileName: manifest.fileName,
  available: reason === undefined,
  reason,
  toolchain: toolchain?.said,
  compiled: manifest.compile !== undefined,
  startedAhead: manifest.run.warm !== undefined || manifest.compile?.warm !== undefined,
  limits: { ...defaultLimits, ...manifest.limits },
  capabilities: manifest.capabilities,
});

const identityOf = ({ digest }: LoadedManifest, toolchain: Toolchain, prepared: string | undefined): string =>
  createHash('sha256')
    .update(JSON.stringify([digest, toolchain, prepared]))
    .digest('hex');

const makeReady = async (
  loaded: LoadedManifest,
  toolchain: Toolchain,
  info: RuntimeInfo,
  config: CatalogueConfig,
): Promise<Runtime> => {
  const { manifest, folder } = loaded;
  const prepared = await prepare(loaded, toolchain, info.limits, config.maker, config.cacheFolder);
  const { forkServers } = config;
  const source = { manifest, folder, toolchain, prepared, limits: info.limits, forkServers };
  const { compile } = manifest;
  return {
    info,
    identity: identityOf(loaded, toolchain, prepared),
    extensions: manifest.extensions,
    run: planStage(source, manifest.run),
    compile: compile && {
      ...planStage({ ...source, limits: { ...info.limits, ...compile.limits } }, compile),
      artifacts: compile.artifacts,
      limits: compile.limits,
    },
  };
};

/** Reads the manifests, finds the toolchains, and starts the preparations one after the other in the background. */
export const openCatalogue = async (config: CatalogueConfig): Promise<Catalogue> => {
  // The small preparations first: nobody waits for a compiler's who asked for an interpreter.
  const manifests = loadManifests(config.imagesFolder).sort(
    (a, b) => (a.manifest.prepare?.sizeMb ?? 0) - (b.manifest.prepare?.sizeMb ?? 0),
  );
  const { surroundings, cacheFolder } = config;
  const probed = await Promise.all(
    manifests.map((loaded) => probeOrRecall(loaded, surroundings, cacheFolder, Date.now())),
  );
  // Preparations are heavy (a compiler each): one at a time leaves the machine to the runtimes that need none.
  let queue = Promise.resolve();
  const entries = manifests.map((loaded, index): Entry => {
    const found = probed[index] ?? { missing: 'not looked for' };
    if (!('toolchain' in found)) {
      return { info: infoOf(loaded, undefined, found.missing), ready: Promise.resolve(undefined) };
    }
    const entry: Entry = { info: infoOf(loaded, found.toolchain), ready: Promise.resolve(undefined) };
    const work = async (): Promise<Runtime | undefined> => {
      try {
        const runtime = await makeReady(loaded, found.toolchain, entry.info, config);
        config.onReady(runtime);
        return runtime;
      } catch (error) {
        entry.info = infoOf(loaded, found.toolchain, `its preparation failed: ${(error as Error).message}`);
        config.onFault(loaded.manifest.name, error as Error);
        return undefined;
      }
    };
    entry.ready = loaded.manifest.prepare ? queue.then(work) : work();
    if (loaded.manifest.prepare) queue = entry.ready.then(() => {});
    return entry;
  });

  return {
    infos: () =>
      entries
        .map(({ info }) => info)
        .sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version)),
    async get(name, version) {
      const entry = entries.find(({ info }) => info.name === name && info.version === version);
      if (!entry) throw new PaddockError('unknown-runtime', { detail: `no runtime ${name} ${version} here` });
      const runtime = await entry.ready;
      if (!runtime)
        throw new PaddockError('runtime-unavailable', { detail: `${name} ${version}: ${entry.info.reason}` });
      return runtime;
    },
    settled: Promise.all(entries.map(({ ready }) => ready)).then(() => {}),
  };
};
