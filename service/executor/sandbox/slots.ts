import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, Socket } from 'node:net';
import { promisify } from 'node:util';

/**
 * One place for a sandbox: a host uid, a mount point, and paths for its streams. Standard input is a regular file and
 * the outputs are FIFOs, because programs reopen /dev/stdin and /dev/stdout, and a socket, which is what Node would
 * give, cannot be reopened.
 */
export interface Slot {
  readonly number: number;
  readonly uid: number | undefined;
  readonly stage: string;
  readonly paths: {
    readonly stdin: string;
    readonly stdout: string;
    readonly stderr: string;
    readonly control: string;
  };
  /** Opens the streams anew for one sandbox; the previous one's have all been closed. */
  open(): SlotStreams;
}

export interface SlotStreams {
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** The connection that the sandbox makes for its first process. */
  readonly control: Promise<Socket>;
  close(): void;
}

export interface Slots {
  /** @throws where all are taken */
  take(): Promise<Slot>;
  give(slot: Slot): void;
}

const run = promisify(execFile);

const reader = (path: string): Socket =>
  new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });

const listenOn = async (path: string): Promise<Server> => {
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  server.unref();
  return server;
};

const makeSlot = async (folder: string, number: number, firstUid: number | undefined): Promise<Slot> => {
  const home = `${folder}/${number}`;
  const uid = firstUid === undefined ? undefined : firstUid + number;
  const stage = `${home}/stage`;
  const paths = { stdin: `${home}/in`, stdout: `${home}/out`, stderr: `${home}/err`, control: `${home}/ctl` };
  await rm(home, { recursive: true, force: true });
  await mkdir(stage, { recursive: true });
  for (const path of [home, stage]) await chmod(path, 0o711);
  // Reopening /proc/self/fd/1 asks for permission on the FIFO itself, so the sandbox's group gets it; nobody else, for
  // another user of the machine could read what goes in and write what comes out.
  await run('mkfifo', ['-m', '0620', paths.stdout, paths.stderr]);
  await writeFile(paths.stdin, '', { mode: 0o640 });
  if (uid !== undefined) {
    for (const path of [paths.stdin, paths.stdout, paths.stderr]) await chown(path, 0, uid);
  }
  const server = await listenOn(paths.control);
  return {
    number,
    uid,
    stage,
    paths,
    open() {
      const stdout = reader(paths.stdout);
      const stderr = reader(paths.stderr);
      const connected = Promise.withResolvers<Socket>();
      server.once('connection', connected.resolve);
      return {
        stdout,
        stderr,
        control: connected.promise,
        close() {
          server.off('connection', connected.resolve);
          stdout.destroy();
          stderr.destroy();
          void connected.promise.then((socket) => socket.destroy());
        },
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
