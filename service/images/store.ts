import { resolve } from 'node:path';
import { fetchManifest } from './fetch.ts';
import { ImageError } from './image-error.ts';
import { storeLayout } from './layout.ts';
import { type Lease, openLease } from './lease.ts';
import { defaultLimits, type ImageLimits, ociArchitecture, sha256 } from './manifest.ts';
import { type PullOptions, type PullResult, pullImage } from './pull.ts';
import { listDigests, readImage, readNames, resolveDigest, type StoredImage } from './record.ts';
import { type ImageReference, parseReference } from './reference.ts';
import type { Environment } from './tool.ts';

export type { Lease } from './lease.ts';
export type { PullOptions, PullResult } from './pull.ts';
export type { StoredImage } from './record.ts';

/** The unpacked images of a node, as those see it who use them. */
export interface ImageStore {
  /** Absolute. */
  readonly folder: string;
  /**
   * By name, by the digest of an image, or by that of a list with it. Reads a few small files, nothing else.
   * @returns undefined where it is not in the store
   */
  find(nameOrDigest: string): StoredImage | undefined;
  list(): StoredImage[];
  /** Keeps images, also such that lose their name, until the lease is released or this process ends. */
  hold(namesOrDigests: readonly string[]): Promise<Lease>;
  /**
   * Brings an image into the store, unless it is there. The same one at the same time is brought once.
   * @param reference `HOST/REPOSITORY@sha256:HEX`, or by tag; `oci:FOLDER[:TAG]`
   * @throws ImageError that names the image and says why; the signal's reason where that ends it
   */
  pull(reference: string | ImageReference, options?: PullOptions): Promise<PullResult>;
  /**
   * Asks the registry whether it has an image and shows it to this node; fetches nothing but its manifest.
   * @param reference by digest
   * @throws ImageError where not; the signal's reason where that ends it
   */
  prove(reference: string, signal?: AbortSignal): Promise<void>;
}

export interface StoreOptions {
  /** For skopeo: PATH, HOME, REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF, proxies. */
  readonly env?: Environment;
  readonly limits?: Partial<ImageLimits>;
  readonly date?: () => Date;
}

const onlyPath: Environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** Opens nothing and makes nothing yet: a folder that is not there is an empty store. */
export const openImageStore = (folder: string, options: StoreOptions = {}): ImageStore => {
  const layout = storeLayout(resolve(folder));
  const settings = {
    env: options.env ?? onlyPath,
    architecture: ociArchitecture(process.arch),
    limits: { ...defaultLimits, ...options.limits },
    date: options.date ?? (() => new Date()),
  };
  return {
    folder: layout.folder,
    find(nameOrDigest) {
      const digest = resolveDigest(layout, nameOrDigest);
      return digest === undefined ? undefined : readImage(layout, digest, readNames(layout));
    },
    list() {
      const names = readNames(layout);
      return listDigests(layout).flatMap((digest) => readImage(layout, digest, names) ?? []);
    },
    hold: (namesOrDigests) => openLease(layout, namesOrDigests),
    pull: (reference, pullOptions = {}) =>
      pullImage(
        layout,
        typeof reference === 'string' ? parseReference(reference) : reference,
        settings,
        pullOptions,
      ),
    async prove(reference, signal) {
      const wanted = parseReference(reference);
      const found = sha256(await fetchManifest(wanted, { env: settings.env, signal }));
      if (wanted.kind !== 'registry' || wanted.digest !== found)
        throw new ImageError('digest-mismatch', `${reference}: what came is not what the digest says`);
    },
  };
};
