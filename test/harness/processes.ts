import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Real host uid. */
  readonly uid: number;
  readonly state: string;
  readonly name: string;
  readonly command: string;
  /** `pid:[4026531836]`, empty where it cannot be read (a process that just ended). */
  readonly pidNamespace: string;
}

/** Empty where there is no such file, for example of a process that has just ended. */
export const readQuietly = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const linkQuietly = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Paths of what a process has open; that of a file which is gone ends with ` (deleted)`. */
export const openFiles = (pid: number): string[] => {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => linkQuietly(`${folder}/${name}`));
  } catch {
    return [];
  }
};

const factsOf = (pid: number): ProcessFacts | undefined => {
  const status = readQuietly(`/proc/${pid}/status`);
  if (status === '') return undefined;
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    parent: Number(field('PPid')),
    uid: Number(field('Uid')),
    state: field('State'),
    name: field('Name'),
    command: readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
    pidNamespace: linkQuietly(`/proc/${pid}/ns/pid`),
  };
};

/** Every process of the machine as this one sees it. */
export const listProcesses = (): ProcessFacts[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => factsOf(Number(name)) ?? []);

export const isAlive = (pid: number): boolean => {
  const facts = factsOf(pid);
  return facts !== undefined && facts.state !== 'Z' && facts.state !== 'X';
};

/** All that descend from `root`, itself left out. */
export const descendantsOf = (
  root: number,
  all: readonly ProcessFacts[] = listProcesses(),
): ProcessFacts[] => {
  const family = new Set([root]);
  // Parents may have higher pids than their children once pids wrap around, so one pass is not enough.
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent } of all) {
      if (family.has(parent) && !family.has(pid)) {
        family.add(pid);
        grown = true;
      }
    }
  }
  family.delete(root);
  return all.filter(({ pid }) => family.has(pid));
};

/** Executors that are root give each sandbox a host uid from here on (service/bin/executor-config.ts). */
export const firstSandboxUid = 0x6000_0000;

const ownPidNamespace = linkQuietly('/proc/self/ns/pid');

/** Processes in another pid namespace than ours, by namespace: one a sandbox. */
export const sandboxesAmong = (all: readonly ProcessFacts[]): Map<string, ProcessFacts[]> =>
  Map.groupBy(
    all.filter(({ pidNamespace }) => pidNamespace !== '' && pidNamespace !== ownPidNamespace),
    ({ pidNamespace }) => pidNamespace,
  );

/**
 * Fork servers: they stand in a pid namespace of their own, and sandboxes are their children. One without any is not
 * found; a warm set always has some.
 */
export const forkServersAmong = (all: readonly ProcessFacts[]): ProcessFacts[] => {
  const byPid = new Map(all.map((facts) => [facts.pid, facts]));
  const isSandboxed = ({ pidNamespace }: ProcessFacts): boolean =>
    pidNamespace !== '' && pidNamespace !== ownPidNamespace;
  const servers = all.filter(isSandboxed).flatMap((facts) => {
    const parent = byPid.get(facts.parent);
    return parent && isSandboxed(parent) && parent.pidNamespace !== facts.pidNamespace ? [parent] : [];
  });
  return [...new Set(servers)];
};

/**
 * True for a sandbox that waits for its one execution: nothing in it but the first process and, where one is started
 * ahead, the warm program with its go channel (descriptor 3) still open, and a server that it has started, if it has
 * one. One that has run anything looks otherwise.
 */
export const isWaiting = (sandbox: readonly ProcessFacts[]): boolean => {
  const [first, warm, ...servers] = [...sandbox].sort((a, b) => a.pid - b.pid);
  if (!first || !warm) return first !== undefined;
  const family = new Set([warm.pid]);
  for (const { pid, parent } of servers) if (family.has(parent)) family.add(pid);
  return (
    family.size === servers.length + 1 &&
    warm.parent === first.pid &&
    linkQuietly(`/proc/${warm.pid}/fd/3`).startsWith('socket:')
  );
};

/**
 * Sandboxed processes whose executor is gone: their line of parents reaches pid 1 without meeting a Node process.
 * Other services on this machine keep their own sandboxes and are not counted, nor is one that only pid 1 has to reap.
 */
export const orphanedSandboxProcesses = (all: readonly ProcessFacts[] = listProcesses()): ProcessFacts[] => {
  const byPid = new Map(all.map((facts) => [facts.pid, facts]));
  const hasExecutor = (facts: ProcessFacts): boolean => {
    const parent = byPid.get(facts.parent);
    if (!parent || parent.pid <= 1) return false;
    return (
      (parent.pidNamespace === ownPidNamespace && /^(node|MainThread)/.test(parent.name)) ||
      hasExecutor(parent)
    );
  };
  const isOurs = ({ uid, command }: ProcessFacts): boolean =>
    uid >= firstSandboxUid || /\/place-\d+\//.test(command);
  return [...sandboxesAmong(all).values()]
    .flat()
    .filter((facts) => facts.state !== 'Z' && isOurs(facts) && !hasExecutor(facts));
};

export const describeProcess = ({ pid, parent, uid, state, name, command }: ProcessFacts): string =>
  `${pid} (parent ${parent}, uid ${uid}, ${state}) ${command.slice(0, 120) || `[${name}]`}`;
