import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { claimStore } from './claim.ts';
import { commitImage, type Naming, nameStored } from './commit.ts';
import { download, fetchChild, fetchManifest } from './fetch.ts';
import { lockFile } from './file-lock.ts';
import { ImageError } from './image-error.ts';
import { hexOf, type StoreLayout } from './layout.ts';
import {
  checkManifest,
  chooseFromList,
  type ImageLimits,
  type Manifest,
  readEnvironment,
  sha256,
} from './manifest.ts';
import { type DownloadedImage, readLayout, renamePlainLayers } from './oci-layout.ts';
import { resolveDigest, type StoredImage } from './record.ts';
import { formatReference, type ImageReference } from './reference.ts';
import type { ScanResult } from './scan.ts';
import type { Environment } from './tool.ts';
import { unpack } from './unpack.ts';
import { clearAbandoned, createWorkFolder, type WorkFolder } from './work-folder.ts';
import { runWorker } from './worker-order.ts';

export interface ImageProgress {
  readonly stage: 'download' | 'check' | 'unpack' | 'store';
  /** Bytes, or files in the stage `store`. */
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
}

export interface PullSettings {
  readonly env: Environment;
  readonly architecture: string;
  readonly limits: ImageLimits;
  readonly date: () => Date;
}

export interface PullOptions {
  readonly name?: string | undefined;
  /** The digest that the image has elsewhere, for one that was built here and is kept otherwise. */
  readonly knownAs?: { readonly digest: string; readonly reference: string } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

export interface PullResult {
  readonly image: StoredImage;
  /** The reference by digest; that of the list where it is one. */
  readonly pin?: string;
  /** It was in the store already. */
  readonly unchanged: boolean;
}

/** One pull: what there is to know of it from its first step to its last. */
interface Pull {
  readonly layout: StoreLayout;
  readonly reference: ImageReference;
  readonly settings: PullSettings;
  readonly options: PullOptions;
}

interface Found {
  /** Of the image of this architecture. */
  readonly digest: string;
  readonly manifest: Manifest;
  readonly naming: Naming;
}

/**
 * Brings an image into the store, unless it is there.
 * @throws ImageError that names the image and says why; the signal's reason where that ends it
 */
export const pullImage = async (
  layout: StoreLayout,
  reference: ImageReference,
  settings: PullSettings,
  options: PullOptions,
): Promise<PullResult> => {
  claimStore(layout);
  const pull = { layout, reference, settings, options };
  try {
    return (await findPinned(pull)) ?? (await fetchAndStore(pull));
  } catch (error) {
    if (!(error instanceof ImageError) || error.code === 'tool-missing') throw error;
    throw new ImageError(error.code, `${formatReference(reference)}: ${error.message}`, { cause: error });
  }
};

/** What is pinned and here needs no registry. */
const findPinned = async ({ layout, reference, options }: Pull): Promise<PullResult | undefined> => {
  const wanted = reference.kind === 'registry' ? reference.digest : options.knownAs?.digest;
  const digest = wanted === undefined ? undefined : resolveDigest(layout, wanted);
  if (digest === undefined) return undefined;
  const image = await nameStored(layout, digest, { name: options.name });
  return image && { image, pin: formatReference(reference), unchanged: true };
};

const fetchAndStore = async (pull: Pull): Promise<PullResult> => {
  const { layout, reference, options } = pull;
  const { digest, manifest, naming } = await findImage(pull);
  const pin =
    reference.kind === 'registry'
      ? { pin: formatReference({ ...reference, digest: naming.index ?? digest }) }
      : {};
  const known = await nameStored(layout, digest, naming);
  if (known !== undefined) return { image: known, ...pin, unchanged: true };
  // Of two pulls of one image, the second waits and finds what the first has brought.
  const lockPath = join(layout.locks, hexOf(digest));
  const lock = await lockFile(lockPath, { signal: options.signal });
  try {
    const brought = await nameStored(layout, digest, naming);
    if (brought !== undefined) return { image: brought, ...pin, unchanged: true };
    return { image: await store(pull, digest, manifest, naming), ...pin, unchanged: false };
  } finally {
    rmSync(lockPath, { force: true });
    lock.release();
  }
};

/** Asks for manifests only. */
const findImage = async ({ reference, settings, options }: Pull): Promise<Found> => {
  const tool = { env: settings.env, signal: options.signal };
  const data = await fetchManifest(reference, tool);
  const found = sha256(data);
  if (reference.kind === 'registry' && reference.digest !== undefined && reference.digest !== found) {
    throw new ImageError('digest-mismatch', `what came is not what the digest says: it is ${found}`);
  }
  const child = chooseFromList(data, settings.architecture);
  const own = child === undefined ? data : await fetchChild(reference, child, tool);
  const digest = options.knownAs?.digest ?? child ?? found;
  const naming = { name: options.name, index: child === undefined ? undefined : found };
  return { digest, manifest: checkManifest(own, settings.limits), naming };
};

const store = async (
  pull: Pull,
  digest: string,
  manifest: Manifest,
  naming: Naming,
): Promise<StoredImage> => {
  const { layout, options } = pull;
  await clearAbandoned(layout);
  const work = await createWorkFolder(layout, options.signal);
  const blobs = await lockFile(layout.blobsLock, { shared: true, signal: options.signal });
  let isKept = false;
  try {
    mkdirSync(join(layout.blobs, 'sha256'), { recursive: true, mode: 0o755 });
    return await bring(pull, work, digest, manifest, naming);
  } catch (error) {
    // What was downloaded is of use again only where the download itself broke off.
    isKept = !(error instanceof ImageError) || ['unreachable', 'failed'].includes(error.code);
    throw error;
  } finally {
    blobs.release();
    work.remove();
    if (!isKept) await clearBlobs(layout);
  }
};

/** Removes downloaded layers, unless somebody is downloading: the last one does it then. */
export const clearBlobs = async (layout: StoreLayout): Promise<void> => {
  const lock = await lockFile(layout.blobsLock, { tryOnly: true });
  if (lock === undefined) return;
  rmSync(layout.blobs, { recursive: true, force: true });
  lock.release();
};

const bring = async (
  pull: Pull,
  work: WorkFolder,
  digest: string,
  wanted: Manifest,
  naming: Naming,
): Promise<StoredImage> => {
  const { layout, reference, settings, options } = pull;
  const tool = { env: settings.env, signal: options.signal };
  const folder = (name: string): string => {
    const path = join(work.path, name);
    mkdirSync(path, { mode: 0o755 });
    return path;
  };
  const image = await downloadTo(pull, folder('layout'), wanted);
  const scan = await checkLayers(pull, image);
  renamePlainLayers(join(work.path, 'layout'), image);
  options.onProgress?.({ stage: 'unpack', done: 0, total: scan.bytes });
  const entry = folder('entry');
  await unpack({ layout: join(work.path, 'layout'), target: entry, largestFile: scan.largestFile, ...tool });
  const ingested = await runWorker(
    {
      task: 'ingest',
      order: {
        root: join(entry, 'root'),
        objects: layout.objects,
        scratch: folder('scratch'),
        tree: join(entry, 'tree.gz'),
      },
    },
    (done) => options.onProgress?.({ stage: 'store', done, total: Math.max(done, scan.entries) }),
    options.signal,
  );
  const record = {
    digest,
    reference: options.knownAs?.reference ?? formatReference(reference),
    env: readEnvironment(image.config),
    architecture: image.config.architecture,
    bytes: ingested.bytes,
    files: ingested.files,
    createdAt: settings.date().toISOString(),
    tree: ingested.treeDigest,
  };
  return commitImage(layout, entry, record, naming, tool);
};

const downloadTo = async (pull: Pull, target: string, wanted: Manifest): Promise<DownloadedImage> => {
  const { layout, reference, settings, options } = pull;
  const blobs = [wanted.config, ...wanted.layers];
  const total = [...new Map(blobs.map((blob) => [blob.digest, blob.size])).values()].reduce(
    (a, b) => a + b,
    0,
  );
  const onBytes = (bytes: number) =>
    options.onProgress?.({ stage: 'download', done: Math.min(bytes, total), total });
  const { architecture, env } = settings;
  await download(
    { reference, layout: target, blobs: layout.blobs, wanted: blobs, architecture },
    { env, signal: options.signal, onBytes },
  );
  onBytes(total);
  return readLayout(target, layout.blobs);
};

const checkLayers = async (pull: Pull, image: DownloadedImage): Promise<ScanResult> => {
  const { settings, options } = pull;
  const { config, manifest, layers } = image;
  if (config.os !== 'linux' || config.architecture !== settings.architecture) {
    const stated = `${config.os || 'no system'}/${config.architecture || 'no architecture'}`;
    throw new ImageError(
      'refused',
      `it is for ${stated}, and this machine is linux/${settings.architecture}`,
    );
  }
  const total = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  const onProgress = (done: number) => options.onProgress?.({ stage: 'check', done, total });
  return runWorker({ task: 'scan', layers, limits: settings.limits }, onProgress, options.signal);
};
