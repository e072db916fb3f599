import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendantsOf } from '../harness/processes.ts';
import { type Service, startService } from '../harness/start-service.ts';
import { createClient } from './client.ts';
import type { Another, Bench, OwnProcesses } from './scenario.ts';
import { openShell } from './shell.ts';

export interface OpenBench extends Another {
  /** What the service has said; empty where it was there before. */
  readonly log: () => string;
}

export interface BenchOptions {
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly quick: boolean;
  readonly connections: number;
  readonly say: (text: string) => void;
}

const processesOf = (service: Service): OwnProcesses => {
  const family = descendantsOf(service.pid);
  const executors = family.filter(
    ({ parent, command }) => parent === service.pid && command.includes('service/bin/executor.ts'),
  );
  const launcherOf = (executor: number): number => {
    const found = family.find(
      ({ parent, command }) => parent === executor && command.endsWith('/paddock-launch'),
    );
    if (!found) throw new Error('an executor has no launcher among its children');
    return found.pid;
  };
  return {
    dispatcher: service.pid,
    executors: executors.map(({ pid }) => ({ pid, launcher: launcherOf(pid) })),
  };
};

/** A service of its own, started with these variables, or the one that there is, and all that measuring it needs. */
export const openBench = async (
  options: BenchOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<OpenBench> => {
  const { url, token, quick, connections, say } = options;
  const service = url === undefined ? await startService({ env }) : undefined;
  const client = createClient(service?.url ?? url ?? '', token);
  const folder = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  const shell = openShell();
  const others: Pick<OpenBench, 'stop'>[] = [];
  const another = async (more: Readonly<Record<string, string>>): Promise<Another> => {
    const opened = await openBench(options, { ...env, ...more });
    others.push(opened);
    return opened;
  };
  const bench: Bench = {
    ...{ client, token, shell, folder, quick, connections, say },
    own: service && processesOf(service),
    another: service && another,
    atEnd: (stop) => void others.push({ stop }),
  };
  return {
    bench,
    log: () => service?.log() ?? '',
    async stop() {
      // After an interruption, those that a scenario had no time to stop.
      for (const other of others.splice(0)) await other.stop();
      client.close();
      await shell.close();
      await service?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
