import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './start-service.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);

/** Whether a program is installed; else a text for a named skip. */
export const missingTools = async (...names: string[]): Promise<string | false> => {
  const missing: string[] = [];
  for (const name of names) {
    await run('sh', ['-c', 'command -v "$1"', 'sh', name]).catch(() => missing.push(name));
  }
  return missing.length > 0 && `${missing.join(', ')} is not installed`;
};

/** The user `tester` with the password `secret`, as htpasswd -B writes it. */
const ACCOUNT = 'tester:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a';

export interface ImageRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Where it keeps the blob of a digest. */
  blobFile(digest: string): string;
  push(layout: string, repository: string, credentials?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Debian's docker-registry on loopback. */
export const startRegistry = async (options: { auth?: boolean } = {}): Promise<ImageRegistry> => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'accounts'), `${ACCOUNT}\n`);
  const auth = options.auth ? `auth: {htpasswd: {realm: test, path: ${folder}/accounts}}\n` : '';
  writeFileSync(
    join(folder, 'config.yml'),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}/data}}\nhttp: {addr: ${host}}\n${auth}`,
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const answers = () =>
    fetch(`http://${host}/v2/`).then(
      (answer) => answer.status < 500,
      () => false,
    );
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  await waitFor(answers, { what: 'the registry' }).catch(async (error) => {
    await stop();
    throw error;
  });
  return {
    host,
    blobFile: (digest) => {
      const hex = digest.slice('sha256:'.length);
      return join(folder, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    },
    async push(layout, repository, credentials) {
      const login = credentials === undefined ? [] : ['--dest-creds', credentials];
      const to = `docker://${host}/${repository}`;
      const args = ['copy', '--all', '--quiet', '--preserve-digests', '--dest-tls-verify=false', ...login];
      await run('skopeo', [...args, `oci:${layout}:latest`, to]);
    },
    stop,
  };
};

export interface RegistryProxy {
  readonly host: string;
  /** Blobs that were asked for, in order. */
  readonly asked: string[];
  /** While it names a blob, its transfer is cut in the middle, once the wait is over. */
  cut: { digest: string; when: () => Promise<unknown> } | undefined;
  stop(): Promise<void>;
}

/** Stands before a registry, notes what is asked, and breaks connections on demand. */
export const startProxy = async (registry: string): Promise<RegistryProxy> => {
  const proxy: { cut: RegistryProxy['cut'] } = { cut: undefined };
  const asked: string[] = [];
  const server: Server = createServer((from, to) => {
    const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(from.url ?? '')?.[1];
    if (digest !== undefined && from.method === 'GET') asked.push(digest);
    const { cut } = proxy;
    const headers = { ...from.headers, host: registry };
    const upstream = request(`http://${registry}${from.url}`, { method: from.method, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers);
      if (cut === undefined || digest !== cut.digest) return void answer.pipe(to);
      answer.once('data', (chunk: Buffer) => {
        to.write(chunk.subarray(0, chunk.length / 2));
        answer.destroy();
        cut.when().finally(() => to.destroy());
      });
    });
    upstream.once('error', () => to.destroy());
    from.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return Object.assign(proxy, {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
};
