import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { PaddockError, type RuntimeInfo } from '../../contracts/index.ts';
import type { ImageStore, StoredImage } from '../../images/store.ts';
import { imageSurroundings } from './image-surroundings.ts';
import { type LoadedManifest, loadManifests } from './load.ts';
import { infoOf, type MakingRuntimes, makeRuntime, type Runtime } from './make-runtime.ts';
import type { Probed } from './probe.ts';
import { probeImage, probeOrRecall } from './probe-memory.ts';
import type { ProbeSurroundings } from './surroundings.ts';

export interface Catalogue {
  infos(): RuntimeInfo[];
  /**
   * Waits for the runtime's preparation where that is still under way.
   * @throws PaddockError unknown-runtime, runtime-unavailable
   */
  get(name: string, version: string): Promise<Runtime>;
  /**
   * The same runtime with another image: its commands, the image's toolchain. Nothing of it is kept warm or forked,
   * since nobody knows whether it is ever asked for again.
   * @throws PaddockError unknown-runtime; image-unavailable where the image lacks the toolchain
   */
  withImage(name: string, version: string, image: StoredImage): Promise<Runtime>;
  /** Resolves when every preparation has ended, well or not. */
  readonly settled: Promise<void>;
}

export interface CatalogueConfig extends MakingRuntimes {
  readonly imagesFolder: string;
  readonly surroundings: ProbeSurroundings;
  /** Images of runtimes are named like the folder of their manifest. */
  readonly images: Pick<ImageStore, 'find'>;
  /** Called for each runtime as it becomes ready: the warm set starts there. */
  readonly onReady: (runtime: Runtime) => void;
  readonly onFault: (runtime: string, error: Error) => void;
}

interface Entry {
  readonly loaded: LoadedManifest;
  info: RuntimeInfo;
  ready: Promise<Runtime | undefined>;
}

/** So many runtimes of custom images are known at once; more are looked at anew. */
const MOST_WITH_IMAGE = 64;

type Finding = { readonly image: StoredImage | undefined; readonly probed: Probed };

const probeIn = (loaded: LoadedManifest, image: StoredImage, config: CatalogueConfig): Promise<Probed> =>
  probeImage(
    loaded,
    { digest: image.digest, surroundings: imageSurroundings(image, config.maker) },
    config.cacheFolder,
    Date.now(),
  );

/** An image is what the runtime should have; the host's toolchain stands in where there is none. */
const find = async (loaded: LoadedManifest, config: CatalogueConfig): Promise<Finding> => {
  const name = basename(loaded.folder);
  const image = config.images.find(name);
  if (image?.damaged) {
    const missing = `its image is damaged: paddock images verify ${name} --remove, then bring it again`;
    return { image, probed: { missing } };
  }
  if (image) return { image, probed: await probeIn(loaded, image, config) };
  const probed = await probeOrRecall(loaded, config.surroundings, config.cacheFolder, Date.now());
  if (!('missing' in probed) || !existsSync(`${loaded.folder}/Containerfile`)) return { image, probed };
  return { image, probed: { missing: `${probed.missing}; its image has it: paddock images build ${name}` } };
};

const unavailable = ({ name, version, reason }: RuntimeInfo): PaddockError =>
  new PaddockError('runtime-unavailable', { detail: `${name} ${version}: ${reason}` });

/** How long it is remembered that an image cannot be used: each look at it costs sandboxes. */
const REMEMBERED_FAILURE_MS = 60_000;

/** Makes each runtime of a custom image once. One that failed is tried again after a while. */
const createWithImage = (config: CatalogueConfig) => {
  const made = new Map<string, Promise<Runtime>>();
  const make = async (loaded: LoadedManifest, image: StoredImage): Promise<Runtime> => {
    const probed = await probeIn(loaded, image, config);
    if (!('toolchain' in probed)) {
      const detail = `it does not have what ${loaded.manifest.name} needs: ${probed.missing}`;
      throw new PaddockError('image-unavailable', { detail });
    }
    const info = infoOf(loaded, probed.toolchain, image);
    const found = { loaded, toolchain: probed.toolchain, image };
    return makeRuntime(found, info, { ...config, forkServers: false });
  };
  return (loaded: LoadedManifest, image: StoredImage): Promise<Runtime> => {
    const key = `${loaded.folder}@${image.digest}`;
    const known = made.get(key);
    if (known) return known;
    const [oldest] = made.keys();
    if (made.size >= MOST_WITH_IMAGE && oldest !== undefined) made.delete(oldest);
    const making = make(loaded, image);
    made.set(key, making);
    making.catch(() => setTimeout(() => made.delete(key), REMEMBERED_FAILURE_MS).unref());
    return making;
  };
};

/** Reads the manifests, finds the toolchains, and starts the preparations one after the other in the background. */
export const openCatalogue = async (config: CatalogueConfig): Promise<Catalogue> => {
  // The small preparations first: nobody waits for a compiler's who asked for an interpreter.
  const manifests = loadManifests(config.imagesFolder).sort(
    (a, b) => (a.manifest.prepare?.sizeMb ?? 0) - (b.manifest.prepare?.sizeMb ?? 0),
  );
  const findings = await Promise.all(
    manifests.map(async (loaded) => ({ loaded, ...(await find(loaded, config)) })),
  );
  // Preparations are heavy (a compiler each): one at a time leaves the machine to the runtimes that need none.
  let queue = Promise.resolve();
  const entries = findings.map(({ loaded, image, probed }): Entry => {
    if (!('toolchain' in probed)) {
      const info = infoOf(loaded, undefined, image, probed.missing);
      return { loaded, info, ready: Promise.resolve(undefined) };
    }
    const { toolchain } = probed;
    const info = infoOf(loaded, toolchain, image);
    const entry: Entry = { loaded, info, ready: Promise.resolve(undefined) };
    const work = async (): Promise<Runtime | undefined> => {
      try {
        const runtime = await makeRuntime({ loaded, toolchain, image }, entry.info, config);
        config.onReady(runtime);
        return runtime;
      } catch (error) {
        const reason = `its preparation failed: ${(error as Error).message}`;
        entry.info = infoOf(loaded, toolchain, image, reason);
        config.onFault(loaded.manifest.name, error as Error);
        return undefined;
      }
    };
    entry.ready = loaded.manifest.prepare ? queue.then(work) : work();
    if (loaded.manifest.prepare) queue = entry.ready.then(() => {});
    return entry;
  });
  const entryOf = (name: string, version: string): Entry => {
    const entry = entries.find(({ info }) => info.name === name && info.version === version);
    if (!entry) throw new PaddockError('unknown-runtime', { detail: `no runtime ${name} ${version} here` });
    return entry;
  };
  const withImage = createWithImage(config);

  return {
    infos: () =>
      entries
        .map(({ info }) => info)
        .sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version)),
    async get(name, version) {
      const entry = entryOf(name, version);
      const runtime = await entry.ready;
      if (!runtime) throw unavailable(entry.info);
      return runtime;
    },
    withImage: async (name, version, image) => withImage(entryOf(name, version).loaded, image),
    settled: Promise.all(entries.map(({ ready }) => ready)).then(() => {}),
  };
};
