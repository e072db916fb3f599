import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lockFile } from './file-lock.ts';
import type { StoreLayout } from './layout.ts';
import { listFolder } from './list-folder.ts';
import { rawNames, toPath } from './raw-path.ts';

/** A folder for what is not done, in the store's own file system. Locked until it is removed or we end. */
export interface WorkFolder {
  readonly path: string;
  remove(): void;
}

const LOCK = 'lock';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const createWorkFolder = async (layout: StoreLayout, signal?: AbortSignal): Promise<WorkFolder> => {
  const path = join(layout.work, randomUUID());
  // While it is made, nobody may take it for one whose owner died.
  const store = await lockFile(layout.storeLock, { shared: true, signal });
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    const lock = await lockFile(join(path, LOCK), {});
    return {
      path,
      remove() {
        removeFolder(path);
        lock.release();
      },
    };
  } finally {
    store.release();
  }
};

/** Removes a folder that an image was unpacked to, in which there may be folders that are closed to us. */
const removeFolder = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    open(path);
    rmSync(path, { recursive: true, force: true });
  }
};

const open = (raw: string): void => {
  chmodSync(toPath(raw), 0o755);
  for (const entry of readdirSync(toPath(raw), { ...rawNames, withFileTypes: true })) {
    if (entry.isDirectory()) open(`${raw}/${entry.name}`);
  }
};

/**
 * Removes what those left behind who were killed. Does nothing where somebody is changing the store just now: the next
 * command will.
 */
export const clearAbandoned = async (layout: StoreLayout): Promise<void> => {
  const abandoned: string[] = [];
  const store = await lockFile(layout.storeLock, { tryOnly: true });
  if (store === undefined) return;
  try {
    for (const name of listFolder(layout.work).filter((entry) => UUID.test(entry))) {
      const path = join(layout.work, name);
      const lock = await lockFile(join(path, LOCK), { tryOnly: true });
      if (lock !== undefined) abandoned.push(path);
      lock?.release();
    }
  } finally {
    store.release();
  }
  for (const path of abandoned) removeFolder(path);
};

/** Makes a rename last through a loss of power. */
export const syncFolder = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Writes a small file whole or not at all. */
export const writeWhole = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  // The dot makes it no name of anything if it stays behind.
  const fresh = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const fd = openSync(fresh, 'wx', 0o644);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, path);
  syncFolder(dirname(path));
};
