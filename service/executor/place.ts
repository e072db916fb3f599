import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** What belongs to one executor alone on its machine. */
export interface Place {
  /** Unique among the executors of this machine and user, at most MOST_PLACES - 1. */
  readonly number: number;
  /** Folder for this executor's files, emptied; others may pass through it but not list it. */
  readonly folder: string;
  /** First of UIDS_PER_PLACE host uids; undefined where the executor is not root. */
  readonly firstUid: number | undefined;
  release(): void;
}

const MOST_PLACES = 64;
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

/**
 * Takes the first free place of this machine. What an executor that died left in it is the new holder's to clear.
 * @param uidBase first host uid of all places; undefined where the executor is not root
 */
export const takePlace = async (
  stateFolder: string,
  userId: number,
  uidBase: number | undefined,
): Promise<Place> => {
  for (let number = 0; number < MOST_PLACES; number++) {
    const lock = await tryLock(`paddock-place-${userId}-${number}`);
    if (!lock) continue;
    const folder = `${stateFolder}/place-${number}`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // The sandbox's own user walks through here to its scratch space, and must see nothing else on the way.
    for (const path of [stateFolder, folder]) chmodSync(path, 0o711);
    return {
      number,
      folder,
      firstUid: uidBase === undefined ? undefined : uidBase + number * UIDS_PER_PLACE,
      release() {
        rmSync(folder, { recursive: true, force: true });
        lock.close();
      },
    };
  }
  throw new Error(`${MOST_PLACES} executors run on this machine already`);
};
