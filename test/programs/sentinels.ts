import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../harness/processes.ts';
import { repository, type Service } from '../harness/start-service.ts';
import type { Context } from './attack.ts';

/** Things of the host that no program may read, reach or harm. */
export interface Sentinels {
  /** For the service's environment. */
  readonly env: Readonly<Record<string, string>>;
  contextFor(service: Service): Omit<Context, 'way'>;
  /** What no answer may hold. */
  readonly secrets: readonly string[];
  /** What has happened to them since the last call; nothing when all is well. */
  check(): string[];
  close(): void;
}

const listen = (server: Server, address: object): Promise<void> =>
  new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(address, done);
  });

const namespaceNames = ['user', 'pid', 'mnt', 'ipc', 'uts', 'net', 'cgroup'];

export const setUpSentinels = async (): Promise<Sentinels> => {
  const secret = (): string => `PADDOCK-SENTINEL-${randomBytes(12).toString('hex')}`;
  const [rootSecret, openSecret, environmentSecret] = [secret(), secret(), secret()];
  const folder = mkdtempSync(join(tmpdir(), 'paddock-sentinels-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'open'), { mode: 0o777 });
  const secretFile = join(folder, 'paddock-sentinel-root');
  const openSecretFile = join(folder, 'open', 'paddock-sentinel-open');
  writeFileSync(secretFile, rootSecret, { mode: 0o600 });
  writeFileSync(openSecretFile, openSecret);
  chmodSync(openSecretFile, 0o666);
  const stamps = [secretFile, openSecretFile].map((path) => statSync(path).mtimeMs);

  let reached: string[] = [];
  const servers = ['tcp', 'abstract', 'path'].map((kind) =>
    createServer((socket) => {
      reached.push(`somebody connected to the ${kind} sentinel`);
      socket.destroy();
    }),
  ) as [Server, Server, Server];
  const [tcp, abstract, path] = servers;
  const abstractName = `paddock-sentinel-${process.pid}`;
  const socketPath = join(folder, 'open', 'socket');
  await listen(tcp, { port: 0, host: '::' });
  await listen(abstract, { path: `\0${abstractName}` });
  await listen(path, { path: socketPath });
  chmodSync(socketPath, 0o777);
  const udp = createSocket('udp4', () => reached.push('somebody sent to the udp sentinel'));
  await new Promise<void>((done) => udp.bind(0, done));
  const address = tcp.address();
  const tcpPort = address !== null && typeof address === 'object' ? address.port : 0;

  const sentinel: ChildProcess = spawn('/bin/sleep', ['3600'], { stdio: 'ignore' });
  const sentinelPid = sentinel.pid ?? 0;

  return {
    env: { ATTACK_SENTINEL_SECRET: environmentSecret },
    secrets: [rootSecret, openSecret, environmentSecret],
    contextFor: (service) => ({
      tcpPort,
      udpPort: udp.address().port,
      servicePort: service.port,
      servicePid: service.pid,
      sentinelPid,
      hostAddresses: Object.values(networkInterfaces())
        .flatMap((list) => list ?? [])
        .filter(({ internal, family }) => !internal && family === 'IPv4')
        .map((entry) => entry.address),
      abstractName,
      socketPath,
      secretFile,
      openSecretFile,
      stateDir: service.stateDir,
      repository,
      hostname: hostname(),
      namespaces: Object.fromEntries(
        namespaceNames.map((name) => [name, readlinkSync(`/proc/self/ns/${name}`)]),
      ),
    }),
    check() {
      const faults = reached;
      reached = [];
      if (!isAlive(sentinelPid)) faults.push('the sentinel process is gone');
      for (const [index, file] of [secretFile, openSecretFile].entries()) {
        if (statSync(file).mtimeMs !== stamps[index]) faults.push(`${file} was written`);
      }
      if (readFileSync(openSecretFile, 'utf8') !== openSecret) faults.push('the open secret was changed');
      return faults;
    },
    close() {
      sentinel.kill('SIGKILL');
      for (const server of servers) server.close();
      udp.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
