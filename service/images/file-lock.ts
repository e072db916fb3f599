import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ImageError } from './image-error.ts';
import { makeFolders } from './make-folders.ts';

export interface LockOptions {
  readonly shared?: boolean;
  /** The file stays as it is: enough to see whether others have it, and possible for everybody who may read it. */
  readonly existing?: boolean;
  /** Answer at once instead of waiting for the others. */
  readonly tryOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A file that is locked until it is released or this process ends, however that happens. */
export interface FileLock {
  readonly fd: number;
  release(): void;
}

/**
 * Node has no flock. The program of that name locks what we opened: a lock belongs to the open file, which it shares
 * with us, so it stays when the program ends, and goes when we close the file or die.
 */
const lockDescriptor = (fd: number, path: string, options: LockOptions): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const args = [options.shared ? '-s' : '-x', ...(options.tryOnly ? ['-n'] : []), '3'];
    const child = spawn('flock', args, {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      ...(options.signal && { signal: options.signal }),
    });
    child.once('error', (error) =>
      reject(
        'code' in error && error.code === 'ENOENT'
          ? new ImageError('tool-missing', 'flock is missing: apt-get install util-linux', { cause: error })
          : error,
      ),
    );
    child.once('close', (code) => {
      if (code === 0 || (code === 1 && options.tryOnly)) resolve(code === 0);
      else reject(new ImageError('failed', `${path} cannot be locked (flock ended with ${code})`));
    });
  });

/** Whoever removes a lock's file does so while holding it, so a file that lost its name locks nothing. */
const isStillNamed = (fd: number, path: string): boolean => {
  const named = statSync(path, { throwIfNoEntry: false });
  const opened = fstatSync(fd);
  return named?.ino === opened.ino && named.dev === opened.dev;
};

/**
 * Locks a file, which is made where it is missing.
 * @returns undefined where somebody else has it, with `tryOnly` alone
 */
export function lockFile(path: string, options: LockOptions & { tryOnly?: false }): Promise<FileLock>;
export function lockFile(path: string, options: LockOptions): Promise<FileLock | undefined>;
export async function lockFile(path: string, options: LockOptions): Promise<FileLock | undefined> {
  if (!options.existing) makeFolders(dirname(path), 0o755);
  const flags = options.existing ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
  for (;;) {
    // Whoever may read a file may lock it, and would keep all others waiting.
    const fd = openSync(path, flags | constants.O_NOFOLLOW, 0o600);
    let isLocked = false;
    try {
      isLocked = await lockDescriptor(fd, path, options);
      if (isLocked && isStillNamed(fd, path)) return once(fd);
      closeSync(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    if (!isLocked) return undefined;
  }
}

const once = (fd: number): FileLock => {
  let isOpen = true;
  return {
    fd,
    release() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
};
