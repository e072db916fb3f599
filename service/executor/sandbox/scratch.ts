import { closeSync, constants, fstatSync, openSync, readSync, statfsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { globMatcher } from './glob.ts';
import type { PlacedFile, ReadBack, ReadBudget } from './port.ts';

/*
 * The scratch space of one sandbox, seen from outside through a directory descriptor: it stays valid, and stays the
 * same folder, whatever happens to paths and processes. Files come out after everything inside is dead, step by step with
 * O_NOFOLLOW, so no link the program made is ever followed. They are put there from inside (native/inside.c).
 */
/** Why a link, a FIFO, a socket or a device is not given back. */
export const NOT_REGULAR = 'not a regular file';
const MAX_DEPTH = 32;
const STEPS_AT_ONCE = 256;
const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Non-blocking so that a FIFO swapped in could not hang the open; the type is checked on the open descriptor.
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface Scratch {
  read(patterns: readonly string[], budget: ReadBudget): Promise<ReadBack>;
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

/** Undefined where it is gone, a link, a socket, or not permitted: nothing that can be given back. */
const tryOpen = (path: string, flags: number): number | undefined => {
  try {
    return openSync(path, flags);
  } catch {
    return undefined;
  }
};

/** Lets others go first now and then: a program may have left tens of thousands of files. */
const createPace = (): (() => Promise<void> | undefined) => {
  let steps = 0;
  return () => {
    steps += 1;
    return steps % STEPS_AT_ONCE === 0 ? nextTurn() : undefined;
  };
};

interface Entry {
  readonly name: string;
  /** Descriptor of the folder that holds it, open while this entry is looked at. */
  readonly folder: number;
  readonly lastName: string;
}

/** Everything but folders, depth first, without following a link. */
async function* walk(
  folder: number,
  pace: () => Promise<void> | undefined,
  prefix = '',
  depth = 0,
): AsyncGenerator<Entry> {
  const entries = await readdir(`/proc/self/fd/${folder}`, { withFileTypes: true, encoding: 'buffer' });
  for (const entry of entries) {
    await pace();
    const lastName = entry.name.toString('utf8');
    if (!Buffer.from(lastName, 'utf8').equals(entry.name)) continue; // no name that JSON could carry
    const name = prefix + lastName;
    if (!entry.isDirectory()) {
      yield { name, folder, lastName };
    } else if (depth < MAX_DEPTH) {
      const inner = tryOpen(below(folder, lastName), OPEN_FOLDER);
      if (inner === undefined) continue;
      try {
        yield* walk(inner, pace, `${name}/`, depth + 1);
      } finally {
        closeSync(inner);
      }
    }
  }
}

/** Looks at an entry through a descriptor of its own; the type is judged there, not by what the folder says. */
const look = (entry: Entry, visit: Visit, omit: OmitFile): void => {
  const descriptor = tryOpen(below(entry.folder, entry.lastName), OPEN_FILE);
  if (descriptor === undefined) {
    omit(entry.name, NOT_REGULAR);
    return;
  }
  try {
    const stats = fstatSync(descriptor);
    const { size, mode, mtimeMs } = stats;
    if (!stats.isFile()) omit(entry.name, NOT_REGULAR);
    else visit({ name: entry.name, descriptor, size, executable: (mode & 0o100) !== 0, modifiedMs: mtimeMs });
  } finally {
    closeSync(descriptor);
  }
};

/** Visits matching regular files as long as the budget lasts; `omit` hears of the rest. */
const gather = async (
  root: number,
  patterns: readonly string[],
  budget: ReadBudget,
  take: Visit,
  omit: OmitFile,
): Promise<void> => {
  const matches = globMatcher(patterns);
  let files = 0;
  let bytes = 0;
  let omitted = 0;
  const leaveOut: OmitFile = (name, reason) => {
    omitted += 1;
    omit(name, reason);
  };
  for await (const entry of walk(root, createPace())) {
    if (!matches(entry.name)) continue;
    if (files >= budget.maxFiles) {
      leaveOut(entry.name, `more than ${budget.maxFiles} files`);
      if (omitted >= MAX_OMITTED) return;
      continue;
    }
    const visit: Visit = (found) => {
      if (bytes + found.size > budget.maxBytes) {
        leaveOut(found.name, `more than ${budget.maxBytes} bytes in all`);
        return;
      }
      files += 1;
      bytes += found.size;
      take(found);
    };
    look(entry, visit, leaveOut);
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

const MAX_OMITTED = 100;

/** @param path the folder that the program sees as /work */
export const openScratch = (path: string): Scratch => {
  const root = openSync(path, OPEN_FOLDER);
  let closed = false;
  return {
    async read(patterns, budget) {
      const files: PlacedFile[] = [];
      const omitted: ReadBack['omitted'][number][] = [];
      await gather(
        root,
        patterns,
        budget,
        ({ name, descriptor, size, executable, modifiedMs }) => {
          files.push({ name, content: readWhole(descriptor, size), executable, modifiedMs });
        },
        (name, reason) => {
          if (omitted.length < MAX_OMITTED) omitted.push({ name, reason });
        },
      );
      return { files, omitted };
    },
    async copyTo(folder, budget) {
      const found: Omit<Found, 'descriptor'>[] = [];
      await gather(
        root,
        ['**'],
        budget,
        (file) => found.push(file),
        (name, reason) => {
          if (reason !== NOT_REGULAR) throw new Error(`${name}: ${reason}`);
        },
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
