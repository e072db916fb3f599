import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';

/**
 * One place for a sandbox: a host uid, a mount point, and three files for its standard streams. Standard input is a
 * regular file and the outputs are FIFOs, because programs reopen /dev/stdin and /dev/stdout, and a socket, which is
 * what Node would give, cannot be reopened.
 */
export interface Slot {
  readonly number: number;
  readonly uid: number | undefined;
  readonly stage: string;
  /** Opens the standard streams anew for one sandbox; the previous one's have all been closed. */
  open(): SlotStreams;
}

export interface SlotStreams {
  readonly stdinPath: string;
  /** For the child; close after the spawn. */
  readonly childDescriptors: readonly [stdin: number, stdout: number, stderr: number];
  /** Read ends, non-blocking. */
  readonly stdout: number;
  readonly stderr: number;
}

export interface Slots {
  take(): Slot | undefined;
  give(slot: Slot): void;
}

const makeSlot = (folder: string, number: number, firstUid: number | undefined): Slot => {
  const uid = firstUid === undefined ? undefined : firstUid + number;
  const home = `${folder}/${number}`;
  const stage = `${home}/stage`;
  const [stdin, stdout, stderr] = [`${home}/stdin`, `${home}/stdout`, `${home}/stderr`];
  rmSync(home, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const path of [home, stage]) chmodSync(path, 0o711);
  // Reopening /proc/self/fd/1 asks for permission on the FIFO itself; nobody can reach it by its path from inside.
  execFileSync('mkfifo', ['-m', '0622', stdout, stderr]);
  // mkfifo's mode is subject to no umask with -m; the owner, the executor, reads.
  return {
    number,
    uid,
    stage,
    open() {
      const write = openSync(stdin, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o644);
      closeSync(write);
      const out = openSync(stdout, constants.O_RDONLY | constants.O_NONBLOCK);
      const err = openSync(stderr, constants.O_RDONLY | constants.O_NONBLOCK);
      return {
        stdinPath: stdin,
        childDescriptors: [
          openSync(stdin, constants.O_RDONLY),
          openSync(stdout, constants.O_WRONLY),
          openSync(stderr, constants.O_WRONLY),
        ],
        stdout: out,
        stderr: err,
      };
    },
  };
};

/**
 * @param folder of this executor alone, made and emptied by the caller
 * @param firstUid of the range reserved for it; undefined where the executor is not root
 * @param most how many sandboxes there can be at once
 */
export const createSlots = (folder: string, firstUid: number | undefined, most: number): Slots => {
  const free: Slot[] = [];
  let made = 0;
  return {
    take: () => free.pop() ?? (made < most ? makeSlot(folder, made++, firstUid) : undefined),
    give: (slot) => {
      free.push(slot);
    },
  };
};
