import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoredImage } from './record.ts';
import { readTree } from './tree.ts';

export interface ImageUsage {
  /** Of all its files. */
  readonly bytes: number;
  /** Of files that other images in the store have too. */
  readonly sharedBytes: number;
}

const keysOf = (image: StoredImage): Map<string, number> => {
  const keys = new Map<string, number>();
  // It may have been removed meanwhile, or put there by hand.
  for (const entry of readTree(join(dirname(image.root), 'tree.gz'), image.tree) ?? []) {
    if (entry.type === 'file') keys.set(`${entry.sha256}-${entry.mode}-${entry.modified}`, entry.size);
  }
  return keys;
};

/** What each image has, and what of it is shared. By digest. */
export const measureUsage = (images: readonly StoredImage[]): Map<string, ImageUsage> => {
  const counts = new Map<string, number>();
  const keys = images.map((image) => ({ image, keys: keysOf(image) }));
  for (const one of keys) for (const key of one.keys.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return new Map(
    keys.map((one) => {
      let sharedBytes = 0;
      for (const [key, size] of one.keys) if ((counts.get(key) ?? 0) > 1) sharedBytes += size;
      return [one.image.digest, { bytes: one.image.bytes, sharedBytes }];
    }),
  );
};

/** When the image was last pulled, named or held. */
export const lastWanted = (image: StoredImage): Date =>
  lstatSync(join(dirname(image.root), 'image.json'), { throwIfNoEntry: false })?.mtime ??
  new Date(image.createdAt);
