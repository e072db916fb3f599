import { resolve } from 'node:path';
import { storeLayout } from './layout.ts';
import { type Lease, openLease } from './lease.ts';
import { listDigests, readImage, readNames, resolveDigest, type StoredImage } from './record.ts';

export type { Lease } from './lease.ts';
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
}

/** Opens nothing and makes nothing yet: a folder that is not there is an empty store. */
export const openImageStore = (folder: string): ImageStore => {
  const layout = storeLayout(resolve(folder));
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
  };
};
