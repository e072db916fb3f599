import { closeSync, openSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';

/** See executor/server.ts. */
const { createServer } = process.getBuiltinModule('node:http');

/** How often what is under way is looked at, for people who watch. */
const LOOK_EVERY_MS = 200;

export interface Controlled {
  status(): object;
  running(): number;
  /** Begins to drain; of no effect when it drains already. */
  drain(): void;
}

export interface ControlSocket {
  /** Tells those who watch that nothing is under way any more, and is gone. */
  close(): Promise<void>;
}

export const underWay = (running: number): string =>
  running === 1 ? '1 execution is under way' : `${running} executions are under way`;

/**
 * A path that fits into a socket's address, which holds 107 bytes: Nomad's folders may lie deep.
 * @returns the path, good until `close`
 */
export const shortSocketPath = (path: string): { readonly path: string; close(): void } => {
  const folder = openSync(dirname(path), 'r');
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, close: () => closeSync(folder) };
};

/**
 * HTTP on a unix socket that only this user can open, for `paddock-executor status` and `paddock-executor drain`:
 * `GET /status` answers JSON, `POST /drain` lines of text until the executor ends.
 */
export const openControlSocket = async (path: string, controlled: Controlled): Promise<ControlSocket> => {
  const watching = new Set<ServerResponse>();

  const watch = (response: ServerResponse): void => {
    let last = -1;
    const look = (): void => {
      const running = controlled.running();
      if (running !== last) response.write(`draining: ${underWay(running)}\n`);
      last = running;
    };
    response.writeHead(200, { 'content-type': 'text/plain' });
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    watching.add(response);
    response.once('close', () => {
      clearInterval(timer);
      watching.delete(response);
    });
  };

  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(controlled.status()));
    } else if (request.method === 'POST' && request.url === '/drain') {
      controlled.drain();
      watch(response);
    } else response.writeHead(404).end();
  });
  const short = shortSocketPath(path);
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The file is made within listen, and nobody else may open it even for a moment.
    const before = process.umask(0o177);
    server.listen(short.path, resolve);
    process.umask(before);
  });
  server.unref();

  return {
    async close() {
      await Promise.all(
        [...watching].map(
          (response) =>
            new Promise<void>((resolve) => {
              response.once('close', resolve);
              response.end('ended: nothing is under way any more\n');
            }),
        ),
      );
      await new Promise((resolve) => server.close(resolve));
      short.close();
    },
  };
};
