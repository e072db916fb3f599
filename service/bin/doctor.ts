import { access, constants, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DoctorCheck } from '../cli/context.ts';
import { detectCgroup, folderOf, parseMounts, parseOwnPaths } from '../executor/cgroup/detect.ts';
import { v1Controllers } from '../executor/cgroup/v1.ts';
import { v2Controllers } from '../executor/cgroup/v2.ts';
import { inspectHost } from '../executor/isolation.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * What this machine gives, found out without a running service. A cgroup is made, limited and removed again; nothing else
 * is changed.
 */
export const checkMachine = async (env: Environment): Promise<DoctorCheck[]> => {
  const isRoot = process.getuid?.() === 0;
  const weakerAllowed = /^(1|true|yes|all)$/i.test(env.PADDOCK_ALLOW_WEAKER ?? '');
  return [
    checkNode(),
    ...inspectHost({
      userId: process.getuid?.() ?? -1,
      architecture: process.arch,
      launch: join(projectRoot, '.build/paddock-launch'),
      init: join(projectRoot, '.build/paddock-init'),
    }).findings,
    ...(await checkCgroup(isRoot, weakerAllowed)),
  ];
};

const checkNode = (): DoctorCheck => ({
  name: 'Node',
  required: true,
  ok: Number(process.versions.node.split('.')[0]) >= 24,
  detail: `${process.version} at ${process.execPath}`,
  fix: './scripts/start installs Node 24 for this project alone',
});

const isAccessible = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

const withoutCgroup = 'memory, CPU and process limits cannot be set on a sandbox as a whole';

const checkCgroup = async (isRoot: boolean, weakerAllowed: boolean): Promise<DoctorCheck[]> => {
  const mounts = parseMounts(await readText('/proc/self/mountinfo'));
  const own = parseOwnPaths(await readText('/proc/self/cgroup'));
  const fix = isRoot
    ? 'mount the cgroup file system writable (in a container: --privileged --cgroupns=host)'
    : 'sudo ./scripts/start, or start it below systemd-run --user --scope -p Delegate=yes';
  const common = { name: 'cgroup', required: !weakerAllowed, fix };
  if (v1Controllers.every((name) => mounts.v1[name] !== undefined)) {
    const closed: string[] = [];
    const folder = (name: string): string =>
      folderOf(mounts.v1[name] ?? { point: '', root: '' }, own[name] ?? '');
    for (const name of v1Controllers) {
      if (!(await isAccessible(folder(name), constants.W_OK))) closed.push(name);
    }
    const refused = closed.length === 0 ? await tryLimits() : undefined;
    const detail =
      closed.length > 0
        ? `v1, but not writable: ${closed.join(', ')}; ${withoutCgroup}`
        : (refused ?? `v1${mounts.v2 ? ' (hybrid)' : ''}: ${v1Controllers.join(', ')}`);
    const ok = closed.length === 0 && refused === undefined;
    return [{ ...common, ...fixOf(refused, fix), ok, detail }, await checkSwap(folder('memory'))];
  }
  if (mounts.v2 === undefined) {
    return [{ ...common, ok: false, detail: `no cgroup file system is mounted; ${withoutCgroup}` }];
  }
  // Root may use the top of the hierarchy wherever it is itself.
  const folder = isRoot ? mounts.v2.point : folderOf(mounts.v2, own[''] ?? '');
  const offered = (await readText(`${folder}/cgroup.controllers`)).trim().split(/\s+/);
  const missing = v2Controllers.filter((name) => !offered.includes(name));
  const isWritable = await isAccessible(folder, constants.W_OK);
  const isGiven = isWritable && missing.length === 0;
  // Another user's executor would move all processes of its group into a leaf first, this shell among them.
  const refused = isGiven && isRoot ? await tryLimits() : undefined;
  const detail = !isWritable
    ? `v2, but ${folder} is not delegated to this user; ${withoutCgroup}`
    : missing.length > 0
      ? `v2, but without ${missing.join(', ')} in ${folder}; ${withoutCgroup}`
      : (refused ?? `v2: ${v2Controllers.join(', ')}`);
  return [{ ...common, ...fixOf(refused, fix), ok: isGiven && refused === undefined, detail }];
};

const fixOf = (refused: string | undefined, otherwise: string): { readonly fix: string } => ({
  fix:
    refused === undefined
      ? otherwise
      : 'see what limits the cgroup that this runs in, and whether something else manages it; or start it in another',
});

/** What an executor does for each sandbox, once, because a kernel may offer controllers and refuse limits. */
const tryLimits = async (): Promise<string | undefined> => {
  const found = detectCgroup(`doctor-${process.pid}`);
  if (!found.driver) return `${found.reason}; ${withoutCgroup}`;
  const { driver } = found;
  try {
    const group = await driver.create();
    group.limit({ memoryMb: 64, processes: 16, cpus: 0.5 });
    await group.remove();
    return undefined;
  } catch (error) {
    return `${driver.version}, but a limit could not be set: ${(error as Error).message}; ${withoutCgroup}`;
  } finally {
    await driver.clear();
  }
};

/** On v1 the kernel counts swap only where it was told to; v2 always does. */
const checkSwap = async (memory: string): Promise<DoctorCheck> => {
  const counted = await isAccessible(`${memory}/memory.memsw.limit_in_bytes`, constants.F_OK);
  const hasSwap = (await readText('/proc/swaps')).trim().split('\n').length > 1;
  return {
    name: 'swap',
    required: false,
    ok: counted || !hasSwap,
    detail: !hasSwap ? 'there is none' : counted ? 'counted as memory' : 'not counted as memory',
    fix: 'sudo swapoff -a, or boot with swapaccount=1',
  };
};

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
