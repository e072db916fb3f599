import { existsSync, lstatSync, readdirSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { claimStore } from './claim.ts';
import { lockFile } from './file-lock.ts';
import { ImageError } from './image-error.ts';
import { hexOf, type StoreLayout } from './layout.ts';
import { readLeases } from './lease.ts';
import { listFolder } from './list-folder.ts';
import { clearBlobs } from './pull.ts';
import { listDigests, readImage, readNames, resolveDigest, type StoredImage } from './record.ts';
import { clearAbandoned, createWorkFolder } from './work-folder.ts';

export interface PruneOptions {
  /** An image without a name stays as long after it was last wanted, in milliseconds. */
  readonly keepUnnamedMs: number;
  /** Names that go first. */
  readonly forget?: readonly string[];
  /** Tells what would go, and removes nothing. */
  readonly dryRun?: boolean;
  /** Ends the wait for those who change the store; what has begun is done to its end. */
  readonly signal?: AbortSignal;
  readonly now: Date;
}

export interface PruneResult {
  readonly removed: readonly StoredImage[];
  /** Images without a name that stay because somebody uses them. */
  readonly inUse: readonly StoredImage[];
  readonly bytesFreed: number;
}

/** Removes images that nobody names, holds or has lately wanted, and the files that only they had. */
export const pruneStore = async (layout: StoreLayout, options: PruneOptions): Promise<PruneResult> => {
  if (options.dryRun) {
    const chosen = chooseImages(layout, options, await readLeases(layout, true));
    return { ...chosen, bytesFreed: countOwn(layout, chosen.removed) };
  }
  claimStore(layout);
  await clearAbandoned(layout);
  const grave = await createWorkFolder(layout, options.signal);
  try {
    const chosen = await bury(layout, grave.path, options);
    // What is out of sight can take its time, and keeps nobody waiting.
    grave.remove();
    const downloaded = blobBytes(layout);
    await clearBlobs(layout);
    const bytesFreed = sweepObjects(layout, false) + downloaded - blobBytes(layout);
    return { ...chosen, bytesFreed };
  } finally {
    grave.remove();
  }
};

type Chosen = Pick<PruneResult, 'removed' | 'inUse'>;

const chooseImages = (
  layout: StoreLayout,
  { keepUnnamedMs, now, forget = [] }: PruneOptions,
  leased: ReadonlySet<string>,
): Chosen => {
  const names = readNames(layout);
  for (const name of forget) {
    if (!names.delete(name)) throw new ImageError('not-found', `there is no image named ${name}`);
  }
  const removed: StoredImage[] = [];
  const inUse: StoredImage[] = [];
  for (const digest of listDigests(layout)) {
    const image = readImage(layout, digest, names);
    if (image === undefined || image.names.length > 0) continue;
    const wanted = statSync(join(layout.roots, hexOf(digest), 'image.json')).mtimeMs;
    if (leased.has(digest)) inUse.push(image);
    else if (now.getTime() - wanted >= keepUnnamedMs) removed.push(image);
  }
  return { removed, inUse };
};

/** Takes images out of sight while nobody can begin to use one. */
const bury = async (layout: StoreLayout, grave: string, options: PruneOptions): Promise<Chosen> => {
  const lock = await lockFile(layout.storeLock, { signal: options.signal });
  try {
    const leased = await readLeases(layout);
    const chosen = chooseImages(layout, options, leased);
    for (const name of options.forget ?? []) rmSync(join(layout.names, name));
    for (const { digest } of chosen.removed) {
      renameSync(join(layout.roots, hexOf(digest)), join(grave, hexOf(digest)));
    }
    buryNameless(layout, grave, leased);
    removeLeftovers(layout);
    return chosen;
  } finally {
    lock.release();
  }
};

/** What has lost its record: nothing is known of it, and nobody can begin to use it. */
const buryNameless = (layout: StoreLayout, grave: string, leased: ReadonlySet<string>): void => {
  for (const digest of listDigests(layout)) {
    const folder = join(layout.roots, hexOf(digest));
    if (!leased.has(digest) && !existsSync(join(folder, 'image.json')))
      renameSync(folder, join(grave, hexOf(digest)));
  }
};

/** Names that were not written to their end, and lists whose image is gone. */
const removeLeftovers = (layout: StoreLayout): void => {
  for (const folder of [layout.names, layout.indexes]) {
    for (const name of listFolder(folder))
      if (name.startsWith('.')) rmSync(join(folder, name), { force: true });
  }
  for (const hex of listFolder(layout.indexes)) {
    const digest = resolveDigest(layout, `sha256:${hex}`);
    if (digest === undefined || !listFolder(layout.roots).includes(hexOf(digest)))
      rmSync(join(layout.indexes, hex));
  }
};

/** Removes objects that no image has a link to. Who is adding one makes it anew where it is gone. */
const sweepObjects = (layout: StoreLayout, dryRun: boolean): number => {
  let bytes = 0;
  for (const prefix of listFolder(layout.objects)) {
    for (const key of listFolder(join(layout.objects, prefix))) {
      const path = join(layout.objects, prefix, key);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat?.nlink !== 1) continue;
      bytes += stat.blocks * 512;
      if (!dryRun) unlinkSync(path);
    }
  }
  return bytes;
};

const blobBytes = (layout: StoreLayout): number =>
  listFolder(join(layout.blobs, 'sha256')).reduce(
    (sum, name) =>
      sum + (lstatSync(join(layout.blobs, 'sha256', name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** Bytes that are freed when the images go: files all of whose links are in them, or are their object. */
const countOwn = (layout: StoreLayout, images: readonly StoredImage[]): number => {
  const links = new Map<number, { seen: number; nlink: number; bytes: number }>();
  const visit = (path: Buffer): void => {
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) visit(child);
      if (!entry.isFile()) continue;
      const { ino, nlink, blocks } = lstatSync(child);
      const known = links.get(ino) ?? { seen: 0, nlink, bytes: blocks * 512 };
      links.set(ino, { ...known, seen: known.seen + 1 });
    }
  };
  for (const image of images) visit(Buffer.from(image.root));
  let bytes = sweepObjects(layout, true) + blobBytes(layout);
  for (const { seen, nlink, bytes: own } of links.values()) if (seen + 1 >= nlink) bytes += own;
  return bytes;
};
