import { chmodSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { makeFolders } from '../images/make-folders.ts';
import { readText, removeTree } from './cgroup/files.ts';

/** What belongs to one executor alone on its machine. */
export interface Place {
  /** Unique among the executors of this machine and user, at most MOST_PLACES - 1. */
  readonly number: number;
  /** Folder for this executor's files, emptied; others may pass through it but not list it. */
  readonly folder: string;
  /** First of UIDS_PER_PLACE host uids; undefined where the executor is not root. */
  readonly firstUid: number | undefined;
  /** Notes cgroup folders, so that whoever clears up after a crash finds them, wherever that one was started. */
  note(cgroupRoots: readonly string[]): void;
  release(): void;
}

const MOST_PLACES = 64;
/** A unix socket's path holds 107 bytes, and places, slots and names come on top. */
const LONGEST_STATE_FOLDER = 70;
export const UIDS_PER_PLACE = 1_024;

/**
 * An abstract socket is a lock that the kernel lets go of when its holder dies, however it dies: no stale lock files.
 */
const tryLock = (name: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(`\0${name}`, () => {
      server.unref();
      resolve(server);
    });
  });

/** Sandboxes run as users of their own, who have to get to their scratch space. */
const checkPassage = (folder: string): void => {
  for (let path = folder; path !== '/'; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) {
      throw new Error(
        `the state folder ${folder} cannot be reached by sandboxes: others may not pass through ${path}`,
      );
    }
  }
};

const NOTES = 'cgroups';

const clearPlace = async (folder: string): Promise<void> => {
  const noted = readText(`${folder}/${NOTES}`)?.split('\n') ?? [];
  // Only folders that bear our name: the file says what to remove, and it may be old.
  for (const root of noted) if (basename(root).startsWith('paddock-place-')) await removeTree(root);
  rmSync(folder, { recursive: true, force: true });
};

/** Clears every place whose executor is gone without having cleared it itself. */
export const clearAbandoned = async (stateFolder: string, userId: number): Promise<void> => {
  for (let number = 0; number < MOST_PLACES; number++) {
    const folder = `${stateFolder}/place-${number}`;
    if (!existsSync(folder)) continue;
    const lock = await tryLock(`paddock-place-${userId}-${number}`);
    if (!lock) continue;
    await clearPlace(folder);
    lock.close();
  }
};

/**
 * Takes the first free place of this machine. What an executor that died left in it is the new holder's to clear.
 * @param uidBase first host uid of all places; undefined where the executor is not root
 */
export const takePlace = async (
  stateFolder: string,
  userId: number,
  uidBase: number | undefined,
): Promise<Place> => {
  if (Buffer.byteLength(stateFolder) > LONGEST_STATE_FOLDER) {
    throw new Error(
      `the path of the state folder has more than ${LONGEST_STATE_FOLDER} bytes, too long for sockets in it: ${stateFolder}`,
    );
  }
  for (let number = 0; number < MOST_PLACES; number++) {
    const lock = await tryLock(`paddock-place-${userId}-${number}`);
    if (!lock) continue;
    const folder = `${stateFolder}/place-${number}`;
    await clearPlace(folder);
    makeFolders(folder, 0o711);
    // The sandbox's own user walks through here to its scratch space, and must see nothing else on the way.
    chmodSync(folder, 0o711);
    // The state folder may be the operator's own: it only gets what walking through needs.
    chmodSync(stateFolder, statSync(stateFolder).mode | 0o111);
    if (uidBase !== undefined) checkPassage(stateFolder);
    return {
      number,
      folder,
      firstUid: uidBase === undefined ? undefined : uidBase + number * UIDS_PER_PLACE,
      note: (cgroupRoots) => writeFileSync(`${folder}/${NOTES}`, cgroupRoots.join('\n')),
      release() {
        rmSync(folder, { recursive: true, force: true });
        lock.close();
      },
    };
  }
  throw new Error(`${MOST_PLACES} executors run on this machine already`);
};
