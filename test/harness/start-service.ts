import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitFor } from './wait-for.ts';

export const repository = resolve(import.meta.dirname, '../..');

export interface Service {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly stateDir: string;
  /** Its standard output and error up to now. */
  log(): string;
  /** Sends the signal and waits for its end; SIGKILL after 15 s. Safe to call more than once. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly readyTimeoutMs?: number;
  /** Kept by the caller; otherwise made for this service and removed when it stops. */
  readonly stateDir?: string;
  /** A free one by default. */
  readonly port?: number;
}

export const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? done(address.port) : fail()));
    });
  });

const exited = (child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> =>
  new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      done({ code: child.exitCode, signal: child.signalCode });
    } else child.once('exit', (code, signal) => done({ code, signal }));
  });

/** Starts the real service, as `paddock serve` does, on a port and a state folder of its own, and waits until it is ready. */
export const startService = async (options: StartOptions = {}): Promise<Service> => {
  const port = options.port ?? (await freePort());
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'paddock-test-'));
  mkdirSync(stateDir, { recursive: true });
  const child = spawn(join(repository, 'scripts/paddock'), ['serve'], {
    cwd: repository,
    env: {
      ...process.env,
      PADDOCK_HOST: '127.0.0.1',
      PADDOCK_PORT: String(port),
      PADDOCK_STATE_DIR: stateDir,
      PADDOCK_TOKENS_FILE: join(stateDir, 'tokens.json'),
      PADDOCK_LOG_LEVEL: 'warn',
      // The node's own images would decide what a test is about.
      PADDOCK_IMAGE_STORE: process.env.PADDOCK_IMAGE_STORE ?? '/var/cache/paddock/test/images/databases',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const log = (): string => Buffer.concat(chunks).toString('utf8');
  const url = `${options.env?.PADDOCK_TLS_CERT ? 'https' : 'http'}://127.0.0.1:${port}`;
  const end = exited(child);

  const stop: Service['stop'] = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const result = await end;
    clearTimeout(force);
    if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
    return result;
  };

  try {
    await waitFor(
      async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`it ended at start:\n${log()}`);
        const answer = await fetch(`${url}/readyz`).catch(() => undefined);
        await answer?.body?.cancel();
        return answer?.ok;
      },
      { what: 'the service to be ready', timeoutMs: options.readyTimeoutMs ?? 120_000, everyMs: 50 },
    );
  } catch (error) {
    await stop('SIGKILL');
    throw new Error(`the service did not start:\n${log().slice(-4_000)}`, { cause: error });
  }
  return { url, port, pid: child.pid ?? 0, stateDir, log, stop };
};
