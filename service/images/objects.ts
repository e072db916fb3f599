import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { toPath } from './raw-path.ts';

/** A regular file as it is kept: its content, whether it may be executed, and its time in whole seconds. */
export interface FileContent {
  readonly mode: number;
  readonly modified: number;
  readonly size: number;
  readonly sha256: string;
}

const PIECE = 1024 ** 2;
const LATEST = 0xffff_ffff;
const shared = Buffer.allocUnsafe(PIECE);

/** Hashes an open file from its beginning. */
export const hashDescriptor = (fd: number): { sha256: string; size: number } => {
  let length = readSync(fd, shared, 0, PIECE, 0);
  let size = length;
  // Most files are smaller than one piece, and hashing at once is twice as fast for these.
  if (length < PIECE) return { sha256: hash('sha256', shared.subarray(0, length), 'hex'), size };
  const digest = createHash('sha256');
  while (length > 0) {
    digest.update(shared.subarray(0, length));
    length = readSync(fd, shared, 0, PIECE, size);
    size += length;
  }
  return { sha256: digest.digest('hex'), size };
};

/** The key decides whether two files may be one: Python compares times of sources with those it compiled. */
const objectKey = (file: FileContent): string =>
  `${file.sha256}-${file.mode.toString(8)}-${file.modified.toString(16)}`;

/** Where such a file is kept, whoever has it. */
export const objectPath = (objects: string, file: FileContent): string =>
  `${objects}/${file.sha256.slice(0, 2)}/${objectKey(file)}`;

/** Reads a file and gives it the mode, owner and time that it keeps. Never through a link. */
const normaliseFile = (path: Buffer): FileContent & { readonly inode: number } => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file any more');
    const mode = (stat.mode & 0o111) === 0 ? 0o644 : 0o755;
    const modified = Math.min(Math.max(Math.floor(stat.mtimeMs / 1_000), 0), LATEST);
    // Changing the owner, also to the same, is what makes the kernel drop the capabilities of a file.
    fchownSync(fd, process.geteuid?.() ?? stat.uid, process.getegid?.() ?? stat.gid);
    fchmodSync(fd, mode);
    futimesSync(fd, modified, modified);
    return { mode, modified, inode: stat.ino, ...hashDescriptor(fd) };
  } finally {
    closeSync(fd);
  }
};

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** Puts files of one unpacked image into the objects of a store. */
export const createObjectLinker = (objects: string, scratch: string) => {
  const seen = new Map<number, FileContent>();
  const prefixes = new Set<string>();
  let temporary = 0;

  const preparePath = (file: FileContent): string => {
    const path = objectPath(objects, file);
    const folder = dirname(path);
    if (!prefixes.has(folder)) mkdirSync(folder, { recursive: true, mode: 0o755 });
    prefixes.add(folder);
    return path;
  };

  /** Replaces a file by a link to the object that is equal to it. */
  const takeObject = (object: string, path: Buffer, inode: number): void => {
    if (lstatSync(object).ino === inode) return;
    const link = `${scratch}/${temporary++}`;
    linkSync(object, link);
    renameSync(link, path);
  };

  const share = (object: string, path: Buffer, inode: number): void => {
    for (;;) {
      try {
        linkSync(path, object);
        return;
      } catch (error) {
        if (codeOf(error) === 'EMLINK') return; // as many as the file system allows: this one stays by itself
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      try {
        takeObject(object, path, inode);
        return;
      } catch (error) {
        if (codeOf(error) === 'EMLINK') return;
        if (codeOf(error) !== 'ENOENT') throw error; // pruned in the meantime: ours becomes the object
      }
    }
  };

  return (raw: string): FileContent => {
    const path = toPath(raw);
    const inode = lstatSync(path).ino;
    // A hard link within the image: what was read through its other name is still right.
    const known = seen.get(inode);
    const { inode: _, ...file } = known === undefined ? normaliseFile(path) : { ...known, inode };
    seen.set(inode, file);
    share(preparePath(file), path, inode);
    return file;
  };
};
