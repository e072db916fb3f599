import { existsSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from './file-lock.ts';
import { ImageError } from './image-error.ts';
import { hexOf, type StoreLayout } from './layout.ts';
import { type ImageRecord, readImage, readNames, type StoredImage } from './record.ts';
import { runTool, type ToolOptions } from './tool.ts';
import { syncFolder, writeWhole } from './work-folder.ts';

const rootFolder = (layout: StoreLayout, digest: string): string => join(layout.roots, hexOf(digest));

/** What is there of an image whose record cannot be read does not count. */
const isStored = (layout: StoreLayout, digest: string): boolean => {
  const image = readImage(layout, digest, new Map());
  return image !== undefined && image.damaged === undefined;
};

/** What else an image is to be known by. */
export interface Naming {
  readonly name?: string | undefined;
  /** The digest of the list that it was chosen from. */
  readonly index?: string | undefined;
}

/** Runs while nobody may prune. */
const unpruned = async <T>(layout: StoreLayout, work: () => T): Promise<T> => {
  const lock = await lockFile(layout.storeLock, { shared: true });
  try {
    return work();
  } finally {
    lock.release();
  }
};

const setNames = (layout: StoreLayout, digest: string, { name, index }: Naming): void => {
  if (index !== undefined) writeWhole(join(layout.indexes, hexOf(index)), `${digest}\n`);
  if (name !== undefined) writeWhole(join(layout.names, name), `${digest}\n`);
};

/**
 * Names an image that is in the store, and notes that it was wanted.
 * @returns undefined where it is not there, or not any more
 */
export const nameStored = (
  layout: StoreLayout,
  digest: string,
  naming: Naming,
): Promise<StoredImage | undefined> =>
  unpruned(layout, () => {
    if (!isStored(layout, digest)) return undefined;
    const now = new Date();
    utimesSync(join(rootFolder(layout, digest), 'image.json'), now, now);
    setNames(layout, digest, naming);
    return readImage(layout, digest, readNames(layout));
  });

/**
 * Moves what was unpacked to its place, at once and for good: it is on the disk before it is seen.
 * @param entry a folder in the store with `root` and `tree.gz`
 */
export const commitImage = async (
  layout: StoreLayout,
  entry: string,
  record: ImageRecord,
  naming: Naming,
  tool: ToolOptions,
): Promise<StoredImage> => {
  writeFileSync(join(entry, 'image.json'), `${JSON.stringify(record, null, 2)}\n`, {
    mode: 0o644,
    flag: 'wx',
  });
  // One call for tens of thousands of files.
  const synced = await runTool('sync', ['-f', entry], tool);
  if (!synced.ok)
    throw new ImageError('failed', `the store could not be written to disk: ${synced.stderr.trim()}`);
  return unpruned(layout, () => {
    mkdirSync(layout.roots, { recursive: true, mode: 0o755 });
    if (!isStored(layout, record.digest)) {
      const place = rootFolder(layout, record.digest);
      // A damaged one goes with the work folder.
      if (existsSync(place)) renameSync(place, `${entry}.damaged`);
      renameSync(entry, place);
      syncFolder(layout.roots);
    }
    setNames(layout, record.digest, naming);
    const image = readImage(layout, record.digest, readNames(layout));
    if (image === undefined) throw new ImageError('failed', 'the image vanished from the store');
    return image;
  });
};
