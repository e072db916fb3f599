import { existsSync, writeFileSync } from 'node:fs';
import { ImageError } from './image-error.ts';
import { MARKER, type StoreLayout, storeEntries } from './layout.ts';
import { listFolder } from './list-folder.ts';
import { makeFolders } from './make-folders.ts';

/** What mkfs leaves in a file system of its own. */
const NOTHING = new Set(['lost+found']);

/**
 * Makes a folder a store, before the first change in it: what a store does not need any more it removes, and in a folder of
 * somebody else's that would be their files.
 * @throws ImageError where the folder holds anything and is no store
 */
export const claimStore = (layout: StoreLayout): void => {
  if (existsSync(layout.marker)) return;
  const entries = listFolder(layout.folder).filter((name) => !NOTHING.has(name));
  if (entries.length > 0 && !entries.includes(MARKER) && !isOlderStore(layout, entries)) {
    throw new ImageError(
      'invalid',
      `${layout.folder} is not empty, and no store of images: give a folder of its own`,
    );
  }
  makeFolders(layout.folder, 0o755);
  writeFileSync(layout.marker, 'Images of Paddock: paddock images list\n', { mode: 0o644 });
};

/** Stores of before there was a marker had been locked at least once, and held nothing else. */
const isOlderStore = (layout: StoreLayout, entries: readonly string[]): boolean =>
  existsSync(layout.storeLock) && entries.every((name) => storeEntries.has(name));
