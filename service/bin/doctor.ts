import { access, constants, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DoctorCheck } from '../cli/context.ts';
import { folderOf, parseMounts, parseOwnPaths } from '../executor/cgroup/detect.ts';
import { v1Controllers } from '../executor/cgroup/v1.ts';
import { v2Controllers } from '../executor/cgroup/v2.ts';
import { inspectHost } from '../executor/isolation.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What this machine gives, found out without a running service and without changing anything. */
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
    const detail =
      closed.length === 0
        ? `v1${mounts.v2 ? ' (hybrid)' : ''}: ${v1Controllers.join(', ')}`
        : `v1, but not writable: ${closed.join(', ')}; ${withoutCgroup}`;
    return [{ ...common, ok: closed.length === 0, detail }, await checkSwap(folder('memory'))];
  }
  if (mounts.v2 === undefined) {
    return [{ ...common, ok: false, detail: `no cgroup file system is mounted; ${withoutCgroup}` }];
  }
  // Root may use the top of the hierarchy wherever it is itself.
  const folder = isRoot ? mounts.v2.point : folderOf(mounts.v2, own[''] ?? '');
  const offered = (await readText(`${folder}/cgroup.controllers`)).trim().split(/\s+/);
  const missing = v2Controllers.filter((name) => !offered.includes(name));
  const isWritable = await isAccessible(folder, constants.W_OK);
  const detail = !isWritable
    ? `v2, but ${folder} is not delegated to this user; ${withoutCgroup}`
    : missing.length > 0
      ? `v2, but without ${missing.join(', ')} in ${folder}; ${withoutCgroup}`
      : `v2: ${v2Controllers.join(', ')}`;
  return [{ ...common, ok: isWritable && missing.length === 0, detail }];
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
