import {
  closeSync,
  constants,
  type Dirent,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { chmod, copyFile, mkdir, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { globMatcher } from './glob.ts';
import type { PlacedFile, ReadBack, ReadBudget } from './port.ts';

/*
 * The scratch space of one sandbox, seen from outside through a directory descriptor: it stays valid, and stays the
 * same folder, whatever happens to paths and processes. Files go in before the program starts; they come out after
 * everything inside is dead, step by step with O_NOFOLLOW, so no link the program made is ever followed.
 */
/** Why a link, a FIFO, a socket or a device is not given back. */
export const NOT_REGULAR = 'not a regular file';
const MAX_DEPTH = 32;
const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Non-blocking so that a FIFO swapped in could not hang the open; the type is checked on the open descriptor.
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export interface Scratch {
  put(files: readonly PlacedFile[]): void;
  read(patterns: readonly string[], budget: ReadBudget): ReadBack;
  copyTo(folder: string, budget: ReadBudget): Promise<void>;
  /** True where no block or no inode is left. */
  isFull(): boolean;
  close(): void;
}

interface Found {
  readonly name: string;
  readonly descriptor: number;
  readonly size: number;
  readonly executable: boolean;
  readonly modifiedMs: number;
}

type Visit = (found: Found) => void;
type OmitFile = (name: string, reason: string) => void;

const below = (descriptor: number, name: string): string => `/proc/self/fd/${descriptor}/${name}`;

const withDescriptor = <T>(path: string, flags: number, use: (descriptor: number) => T): T | undefined => {
  let descriptor: number;
  try {
    descriptor = openSync(path, flags);
  } catch {
    return undefined; // gone, a link, or without permission: nothing that can be given back
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/** Latin-1 keeps every byte of a name, so that names that are not UTF-8 still open, and are told apart below. */
const walk = (
  folder: number,
  prefix: string,
  depth: number,
  matches: (name: string) => boolean,
  visit: Visit,
  omit: OmitFile,
): void => {
  const entries: Dirent<Buffer>[] = readdirSync(`/proc/self/fd/${folder}`, {
    withFileTypes: true,
    encoding: 'buffer',
  });
  for (const entry of entries) {
    const text = entry.name.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(entry.name)) continue; // no name that JSON could carry
    const name = prefix + text;
    if (entry.isDirectory()) {
      if (depth >= MAX_DEPTH) continue;
      withDescriptor(below(folder, text), OPEN_FOLDER, (inner) =>
        walk(inner, `${name}/`, depth + 1, matches, visit, omit),
      );
    } else if (matches(name)) {
      if (!entry.isFile()) {
        omit(name, NOT_REGULAR);
        continue;
      }
      withDescriptor(below(folder, text), OPEN_FILE, (descriptor) => {
        const stats = fstatSync(descriptor);
        if (!stats.isFile()) return omit(name, NOT_REGULAR);
        const { size, mode, mtimeMs } = stats;
        visit({ name, descriptor, size, executable: (mode & 0o100) !== 0, modifiedMs: mtimeMs });
      });
    }
  }
};

const readWhole = (descriptor: number, size: number): Buffer => {
  const content = Buffer.allocUnsafe(size);
  let at = 0;
  while (at < size) {
    const got = readSync(descriptor, content, at, size - at, null);
    if (got === 0) break;
    at += got;
  }
  return content.subarray(0, at);
};

/** Passes files on as long as the budget lasts; `omit` hears of the rest. */
const within = (budget: ReadBudget, omit: OmitFile, take: Visit): Visit => {
  let files = 0;
  let bytes = 0;
  return (found) => {
    if (files >= budget.maxFiles) omit(found.name, `more than ${budget.maxFiles} files`);
    else if (bytes + found.size > budget.maxBytes)
      omit(found.name, `more than ${budget.maxBytes} bytes in all`);
    else {
      files += 1;
      bytes += found.size;
      take(found);
    }
  };
};

const MAX_OMITTED = 100;

/**
 * @param path the folder that the program sees as /work
 * @param owner the host uid that files get; undefined where the executor itself is that user
 */
export const openScratch = (path: string, owner: number | undefined): Scratch => {
  const root = openSync(path, OPEN_FOLDER);
  const own = (descriptor: number): void => {
    if (owner !== undefined) fchownSync(descriptor, owner, owner);
  };
  let closed = false;
  const made = new Set<string>();
  const makeFolders = (name: string): void => {
    const segments = name.split('/');
    for (let depth = 1; depth < segments.length; depth++) {
      const folder = segments.slice(0, depth).join('/');
      if (made.has(folder)) continue;
      mkdirSync(below(root, folder), { mode: 0o755 });
      if (owner !== undefined) lchownSync(below(root, folder), owner, owner);
      made.add(folder);
    }
  };
  return {
    put(files) {
      for (const { name, content, executable } of files) {
        makeFolders(name);
        const descriptor = openSync(below(root, name), CREATE, 0o644);
        try {
          for (let at = 0; at < content.length; ) at += writeSync(descriptor, content, at);
          if (executable) fchmodSync(descriptor, 0o755);
          own(descriptor);
        } finally {
          closeSync(descriptor);
        }
      }
    },
    read(patterns, budget) {
      const files: PlacedFile[] = [];
      const omitted: ReadBack['omitted'][number][] = [];
      const omit: OmitFile = (name, reason) => {
        if (omitted.length < MAX_OMITTED) omitted.push({ name, reason });
      };
      const visit = within(budget, omit, ({ name, descriptor, size, executable, modifiedMs }) => {
        files.push({ name, content: readWhole(descriptor, size), executable, modifiedMs });
      });
      walk(root, '', 0, globMatcher(patterns), visit, omit);
      return { files, omitted };
    },
    async copyTo(folder, budget) {
      const found: Omit<Found, 'descriptor'>[] = [];
      const visit = within(
        budget,
        (name, reason) => {
          throw new Error(`${name}: ${reason}`);
        },
        (file) => found.push(file),
      );
      walk(
        root,
        '',
        0,
        () => true,
        visit,
        () => {},
      );
      for (const { name, executable, modifiedMs } of found) {
        const target = `${folder}/${name}`;
        await mkdir(dirname(target), { recursive: true, mode: 0o755 });
        // Everything inside is dead and each name was walked to without a link, so the path is what it was.
        await copyFile(below(root, name), target, constants.COPYFILE_EXCL);
        await chmod(target, executable ? 0o755 : 0o644);
        await utimes(target, modifiedMs / 1_000, modifiedMs / 1_000);
      }
    },
    isFull() {
      if (closed) return false;
      const { bavail, ffree } = statfsSync(`/proc/self/fd/${root}`);
      return bavail === 0 || ffree === 0;
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(root);
    },
  };
};
