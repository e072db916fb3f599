import { spawn } from 'node:child_process';
import { createFrameReader, frame } from './frames.ts';

export type OutputName = 'stdout' | 'stderr';

/** Hears what a sandbox's processes say and write. */
export interface Listener {
  /** Text from the control socket, cut anywhere: what it says is in native/inside.h. */
  said(text: string): void;
  /** Never more than one byte beyond what go asked for. */
  output(stream: OutputName, bytes: Buffer): void;
  outputEnded(stream: OutputName): void;
}

/** A sandbox's processes as the launcher sees them. */
export interface Launched {
  /**
   * A process in the sandbox's mount namespace, as the host counts: known before the first word from inside. -1 where it
   * is not known.
   */
  readonly process: number;
  /** Resolves when nothing inside is alive any more and everything it said has been heard. */
  readonly dead: Promise<void>;
  /** Takes the place of the listener that was given at the start. */
  listen(listener: Listener): void;
  /**
   * @param message for the first process inside
   * @param outputBytes of each stream that are wanted
   * @param streams whether output is wanted as it comes; otherwise it comes with the end
   */
  go(message: Buffer, outputBytes: number, streams: boolean): void;
  /** Kills the whole sandbox; of no effect once it is dead. */
  kill(): void;
}

/** What a sandbox is forked from and with. */
export interface ForkRequest {
  readonly server: number;
  readonly stdin: string;
  /** Host gid of the outputs, -1 for the executor's own. */
  readonly group: number;
  readonly joinFiles: readonly string[];
  /** For the fork server (native/paddock-forks.c). */
  readonly fields: readonly string[];
}

/** The process that starts sandboxes and carries what they say (native/paddock-launch.c). */
export interface Launcher {
  /** @param args of a start request, `--` and the command included; its number is what a fork request calls it */
  start(args: readonly string[], listener: Listener): Launched & { readonly number: number };
  fork(request: ForkRequest, listener: Listener): Launched;
  /** Resolves when the process is gone: every sandbox has died with it, and no more can be made. */
  readonly gone: Promise<void>;
  close(): void;
}

interface Known {
  listener: Listener;
  process: number;
  readonly died: () => void;
}

const GO_HEADER = 9;

const strings = (fields: readonly string[]): Buffer => {
  if (fields.some((field) => field.includes('\0'))) throw new Error('a launch request cannot hold a NUL');
  return Buffer.from(`${fields.join('\0')}\0`, 'utf8');
};

/** @param most of bytes within safe integers; no limit of ours is near that */
const goPayload = (message: Buffer, most: number, streams: boolean): Buffer => {
  const payload = Buffer.allocUnsafe(GO_HEADER + message.length);
  payload.writeUInt8(streams ? 1 : 0, 0);
  payload.writeBigUInt64LE(BigInt(most), 1);
  message.copy(payload, GO_HEADER);
  return payload;
};

const tell = (known: Known, kind: string, payload: Buffer): void => {
  const { listener } = known;
  if (kind === 'O') listener.output('stdout', payload);
  else if (kind === 'E') listener.output('stderr', payload);
  else if (kind === 'X') listener.said(payload.toString('latin1'));
  else if (kind === 'o') listener.outputEnded('stdout');
  else if (kind === 'e') listener.outputEnded('stderr');
  else if (kind === 'P') known.process = payload.readUInt32LE(0);
};

export const startLauncher = (path: string): Launcher => {
  const child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'], env: {}, cwd: '/' });
  const all = new Map<number, Known>();
  let last = 0;
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  void gone.then(() => {
    isGone = true;
    for (const known of all.values()) known.died();
    all.clear();
  });
  child.stdin.on('error', () => {}); // `gone` tells
  child.stdout.on(
    'data',
    createFrameReader((kind, id, payload) => {
      const known = all.get(id);
      if (!known) return;
      if (kind !== 'D') return tell(known, kind, payload);
      all.delete(id);
      known.died();
    }),
  );

  const launch = (
    kind: string,
    payload: Buffer,
    listener: Listener,
  ): Launched & { readonly number: number } => {
    last = (last + 1) % 2 ** 32;
    const id = last;
    const dead = Promise.withResolvers<void>();
    const known: Known = { listener, process: -1, died: dead.resolve };
    const send = (what: string, bytes: Buffer): void => {
      if (all.has(id)) child.stdin.write(frame(what, id, bytes));
    };
    if (isGone) dead.resolve();
    else all.set(id, known);
    send(kind, payload);
    return {
      number: id,
      get process() {
        return known.process;
      },
      dead: dead.promise,
      listen: (next) => {
        known.listener = next;
      },
      go: (message, outputBytes, streams) => send('G', goPayload(message, outputBytes, streams)),
      kill: () => send('K', Buffer.alloc(0)),
    };
  };
  return {
    gone,
    start: (args, listener) => launch('S', strings(args), listener),
    fork({ server, stdin, group, joinFiles, fields }, listener) {
      const head = [String(server), stdin, String(group), String(joinFiles.length), ...joinFiles];
      return launch('F', strings([...head, ...fields]), listener);
    },
    close: () => {
      child.stdin.end();
    },
  };
};
