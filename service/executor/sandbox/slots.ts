import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';

/**
 * One place for a sandbox: a host uid, a mount point, and a file for its standard input. That is a regular file, and the
 * outputs are pipes, because programs reopen /dev/stdin and /dev/stdout, and a socket cannot be reopened.
 */
export interface Slot {
  readonly number: number;
  readonly uid: number | undefined;
  readonly stage: string;
  readonly stdin: string;
}

export interface Slots {
  /** @throws where all are taken */
  take(): Promise<Slot>;
  give(slot: Slot): void;
}

const makeSlot = async (folder: string, number: number, firstUid: number | undefined): Promise<Slot> => {
  const home = `${folder}/${number}`;
  const uid = firstUid === undefined ? undefined : firstUid + number;
  const slot = { number, uid, stage: `${home}/stage`, stdin: `${home}/in` };
  await rm(home, { recursive: true, force: true });
  await mkdir(slot.stage, { recursive: true });
  for (const path of [home, slot.stage]) await chmod(path, 0o711);
  // Reopening /proc/self/fd/0 asks for permission on the file itself, so the sandbox's group gets it; nobody else, for
  // another user of the machine could read what goes in.
  await writeFile(slot.stdin, '', { mode: 0o640 });
  if (uid !== undefined) await chown(slot.stdin, 0, uid);
  return slot;
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
    async take() {
      const slot = free.pop();
      if (slot) return slot;
      if (made >= most) throw new Error(`all ${most} slots for sandboxes are taken`);
      return makeSlot(folder, made++, firstUid);
    },
    give: (slot) => {
      free.push(slot);
    },
  };
};
