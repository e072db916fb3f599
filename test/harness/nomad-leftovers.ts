import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { PortBlock } from './nomad-plan.ts';
import {
  describeProcess,
  isAlive,
  listProcesses,
  openFiles,
  type ProcessFacts,
  readQuietly,
} from './processes.ts';

/** What a cluster of the tests has put on this machine, found by the folder that it lives in. */

export const CLUSTER_FOLDER_PREFIX = 'paddock-nomad-';

/** Nomad tells its keepers of logs over a socket where these are: only their open files show it. */
const keepsLogsIn = (folder: string, { pid, command }: ProcessFacts): boolean =>
  command.endsWith(' logmon') && openFiles(pid).some((path) => path.startsWith(`${folder}/`));

/** Living processes that name the folder in their command line or were started with it in their environment. */
export const processesOf = (folder: string): ProcessFacts[] =>
  listProcesses().filter(
    (facts) =>
      facts.pid !== process.pid &&
      facts.state !== 'Z' &&
      (facts.command.includes(folder) ||
        readQuietly(`/proc/${facts.pid}/environ`).includes(folder) ||
        keepsLogsIn(folder, facts)),
  );

/** The deepest first, as they have to be unmounted. */
export const mountsBelow = (folder: string): string[] =>
  readQuietly('/proc/self/mountinfo')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((path) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);

const CGROUPS = '/sys/fs/cgroup';
const ALLOCATION_ID_LENGTH = 36;

const foldersIn = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(path, entry.name)] : [],
    );
  } catch {
    return [];
  }
};

/** Of these allocations: Nomad names them `ALLOCATION.TASK`, on v1 below each controller, on v2 below a slice. */
export const cgroupsOf = (allocations: ReadonlySet<string>): string[] => {
  const isTask = (path: string): boolean => allocations.has(basename(path).slice(0, ALLOCATION_ID_LENGTH));
  const search = (path: string, depth: number): string[] =>
    depth === 0
      ? []
      : foldersIn(path).flatMap((child) => (isTask(child) ? [child] : search(child, depth - 1)));
  return search(CGROUPS, 3);
};

/** Empty ones, and what is in them. */
export const removeCgroups = (paths: readonly string[]): void => {
  for (const path of paths) {
    removeCgroups(foldersIn(path));
    try {
      rmdirSync(path);
    } catch {
      // Something is in it still, which the check for leaks tells.
    }
  }
};

/** TCP ports of this machine that something listens on. */
export const listeningPorts = (): Set<number> =>
  new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      readQuietly(file)
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === '0A')
        .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)),
    ),
  );

export interface Left {
  readonly folder: string;
  readonly allocations: ReadonlySet<string>;
  readonly ports: PortBlock;
}

/** One line for each thing of the cluster that is on the machine. */
export const leftOf = ({ folder, allocations, ports }: Left): string[] => [
  ...processesOf(folder).map((facts) => `process ${describeProcess(facts)}`),
  ...mountsBelow(folder).map((path) => `mount ${path}`),
  ...cgroupsOf(allocations).map((path) => `cgroup ${path}`),
  ...[...listeningPorts()]
    .filter((port) => port >= ports.from && port <= ports.to)
    .map((port) => `listening port ${port}`),
];

/** Ends and removes all of it by force. */
export const clear = (folder: string, unmount: (path: string) => void): void => {
  for (const { pid } of processesOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  for (const path of mountsBelow(folder)) unmount(path);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};

/** Tasks outlive agents: what tests that were killed have left is cleared by the next. */
export const clearAbandoned = (unmount: (path: string) => void): void => {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(CLUSTER_FOLDER_PREFIX))) {
    const folder = join(tmpdir(), name);
    let owner: number;
    try {
      owner = Number(readFileSync(join(folder, 'owner'), 'utf8'));
    } catch {
      continue;
    }
    if (!isAlive(owner)) clear(folder, unmount);
  }
};
