import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { claimStore } from './claim.ts';
import { type FileLock, lockFile } from './file-lock.ts';
import { ImageError, isMissing } from './image-error.ts';
import { hexOf, isDigest, type StoreLayout } from './layout.ts';
import { listFolder } from './list-folder.ts';
import { resolveDigest } from './record.ts';

/** Keeps images from being pruned until it is released or its process ends. */
export interface Lease {
  /**
   * Holds more images.
   * @throws ImageError `not-found` where one is not in the store
   */
  add(namesOrDigests: readonly string[]): Promise<void>;
  release(): void;
}

/** Holds images of a store, none at first if none are given. */
export const openLease = async (layout: StoreLayout, namesOrDigests: readonly string[]): Promise<Lease> => {
  claimStore(layout);
  const path = join(layout.leases, randomUUID());
  // While it is made, nobody may take it for one whose holder died.
  const store = await lockFile(layout.storeLock, { shared: true });
  let lock: FileLock;
  try {
    lock = await lockFile(path, {});
  } finally {
    store.release();
  }
  const release = () => {
    rmSync(path, { force: true });
    lock.release();
  };
  const add = async (wanted: readonly string[]) => {
    if (wanted.length === 0) return;
    const commit = await lockFile(layout.storeLock, { shared: true });
    try {
      const digests = wanted.map((name) => presentDigest(layout, name));
      writeSync(lock.fd, digests.map((digest) => `${digest}\n`).join(''));
      for (const digest of digests) touch(layout, digest);
    } finally {
      commit.release();
    }
  };
  try {
    await add(namesOrDigests);
  } catch (error) {
    release();
    throw error;
  }
  return { add, release };
};

const presentDigest = (layout: StoreLayout, nameOrDigest: string): string => {
  const digest = resolveDigest(layout, nameOrDigest);
  if (digest === undefined || !existsSync(join(layout.roots, hexOf(digest), 'image.json'))) {
    throw new ImageError('not-found', `there is no image ${nameOrDigest} in the store ${layout.folder}`);
  }
  return digest;
};

/** The record's time tells when an image was last wanted, which prune goes by. */
const touch = (layout: StoreLayout, digest: string): void => {
  const now = new Date();
  utimesSync(join(layout.roots, hexOf(digest), 'image.json'), now, now);
};

/**
 * Every digest that somebody holds. Leases of holders that are gone are removed: the caller has the store's lock,
 * exclusively, or asks only to tell (`readOnly`).
 * @param hidden is called where a lease may not be read: only the store's owner may
 */
export const readLeases = async (
  layout: StoreLayout,
  readOnly = false,
  hidden: () => void = () => {},
): Promise<Set<string>> => {
  const held = new Set<string>();
  for (const file of listFolder(layout.leases)) {
    const path = join(layout.leases, file);
    if (await isAbandoned(path, readOnly, hidden)) continue;
    try {
      for (const line of readFileSync(path, 'utf8').split('\n')) if (isDigest(line)) held.add(line);
    } catch (error) {
      if (!isMissing(error)) throw error; // released in the meantime
    }
  }
  return held;
};

const isAbandoned = async (path: string, readOnly: boolean, hidden: () => void): Promise<boolean> => {
  try {
    const lock = await lockFile(path, { tryOnly: true, shared: readOnly, existing: true });
    if (lock === undefined) return false;
    if (!readOnly) rmSync(path, { force: true });
    lock.release();
  } catch (error) {
    if (readOnly && error instanceof Error && 'code' in error && error.code === 'EACCES') hidden();
    else if (!isMissing(error)) throw error; // released in the meantime
  }
  return true;
};
