import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** cgroup files are small and answered by the kernel at once: reading them synchronously beats a thread-pool trip. */
export const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

export const readNumber = (path: string): number => Number(readText(path)?.trim() ?? 0) || 0;

/** The value behind a key in a flat-keyed file (`oom_kill 3`). */
export const readKey = (path: string, key: string): number => {
  const line = readText(path)
    ?.split('\n')
    .find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? 0 : Number(line.slice(key.length + 1)) || 0;
};

export const write = (path: string, value: string | number): void => writeFileSync(path, `${value}`);

const REMOVE_DEADLINE_MS = 5_000;

const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** rmdir answers EBUSY until the last process is gone for good; v1 has no notification, so it is asked again. */
export const removeFolder = async (path: string): Promise<void> => {
  const deadline = performance.now() + REMOVE_DEADLINE_MS;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      // Not synchronously: the kernel takes up to a millisecond for a memory cgroup.
      await rmdir(path);
      return;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      if (!isCode(error, 'EBUSY') || performance.now() > deadline) throw error;
    }
    await delay(pause);
  }
};

/**
 * The processes of a cgroup that this one can name. One of an outer pid namespace reads as 0, which would be taken for
 * our own process group in a kill.
 */
const readPids = (folder: string): number[] =>
  (readText(`${folder}/cgroup.procs`) ?? '')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);

const killAll = (folder: string): void => {
  for (const pid of readPids(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!isCode(error, 'ESRCH')) throw error;
    }
  }
};

/** Kills and removes every cgroup below `folder`, depth first, and then the folder. */
export const removeTree = async (folder: string): Promise<void> => {
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  for (const name of names) await removeTree(`${folder}/${name}`);
  killAll(folder);
  await removeFolder(folder);
};
