import { spawn } from 'node:child_process';

/** A sandbox's process as the launcher sees it. */
export interface Launched {
  /** Host pid of bubblewrap, as soon as it was forked. */
  readonly pid: Promise<number>;
  /** Resolves when bubblewrap has ended, which it does only after the whole pid namespace is dead. */
  readonly dead: Promise<void>;
  /** Kills the whole sandbox; of no effect once it is dead. */
  kill(): void;
}

/** The process that starts sandboxes (native/paddock-launch.c). */
export interface Launcher {
  /** @param args of one start request, `--` and the command included */
  start(name: string, args: readonly string[]): Launched;
  /** Resolves when the process is gone: every sandbox has died with it, and no more can be made. */
  readonly gone: Promise<void>;
  close(): void;
}

interface Pending {
  readonly started: (pid: number) => void;
  readonly ended: () => void;
}

const encode = (fields: readonly string[]): Buffer => {
  if (fields.some((field) => field.includes('\0'))) throw new Error('a launch request cannot hold a NUL');
  const body = Buffer.from(`${fields.join('\0')}\0`, 'utf8');
  const message = Buffer.allocUnsafe(4 + body.length);
  message.writeUInt32LE(body.length, 0);
  body.copy(message, 4);
  return message;
};

const lines = (onLine: (line: string) => void): ((text: string) => void) => {
  let rest = '';
  return (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) onLine(line);
  };
};

export const startLauncher = (path: string): Launcher => {
  const child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'], env: {}, cwd: '/' });
  const starting = new Map<string, Pending>();
  const running = new Map<number, Pending>();
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let isGone = false;
  void gone.then(() => {
    isGone = true;
    for (const pending of [...starting.values(), ...running.values()]) pending.ended();
  });
  child.stdin.on('error', () => {}); // `gone` tells
  child.stdout.setEncoding('latin1').on(
    'data',
    lines((line) => {
      const [word, first = '', second = ''] = line.split(' ');
      if (word === 'started') {
        const pending = starting.get(first);
        starting.delete(first);
        if (!pending) return;
        // A fork that failed has pid -1 and is as good as ended.
        if (Number(second) > 0) running.set(Number(second), pending);
        else pending.ended();
        pending.started(Number(second));
      } else if (word === 'ended') {
        running.get(Number(first))?.ended();
        running.delete(Number(first));
      }
    }),
  );
  return {
    gone,
    start(name, args) {
      const pid = Promise.withResolvers<number>();
      const dead = Promise.withResolvers<void>();
      let over = false;
      starting.set(name, {
        started: pid.resolve,
        ended: () => {
          over = true;
          dead.resolve();
        },
      });
      if (isGone) dead.resolve();
      else child.stdin.write(encode(['start', name, ...args]));
      return {
        pid: pid.promise,
        dead: dead.promise,
        kill() {
          if (over) return;
          void pid.promise.then((known) => {
            if (!over) child.stdin.write(encode(['kill', String(known)]));
          });
        },
      };
    },
    close: () => {
      child.stdin.end();
    },
  };
};
