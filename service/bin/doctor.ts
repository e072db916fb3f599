import { execFile } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DoctorCheck } from '../cli/context.ts';
import { folderOf, parseMounts, parseOwnPaths } from '../executor/cgroup/detect.ts';
import { v1Controllers } from '../executor/cgroup/v1.ts';
import { v2Controllers } from '../executor/cgroup/v2.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const run = promisify(execFile);

/** What this machine gives, found out without a running service and without changing anything. */
export const checkMachine = async (env: Environment): Promise<DoctorCheck[]> => {
  const isRoot = process.getuid?.() === 0;
  const weakerAllowed = /^(1|true|yes)$/i.test(env.PADDOCK_ALLOW_WEAKER ?? '');
  return [
    checkNode(),
    await checkBubblewrap(),
    await checkSandbox(isRoot),
    await checkLauncher(),
    ...(await checkCgroup(isRoot, weakerAllowed)),
    checkUids(isRoot),
    await checkSeccomp(),
  ];
};

const checkNode = (): DoctorCheck => ({
  name: 'Node',
  required: true,
  ok: Number(process.versions.node.split('.')[0]) >= 24,
  detail: `${process.version} at ${process.execPath}`,
  fix: './scripts/start installs Node 24 for this project alone',
});

const checkBubblewrap = async (): Promise<DoctorCheck> => {
  const found = await run('bwrap', ['--version']).catch(() => undefined);
  return {
    name: 'bubblewrap',
    required: true,
    ok: found !== undefined,
    detail: found ? found.stdout.trim() : 'not installed',
    fix: 'sudo apt-get install bubblewrap',
  };
};

const checkSandbox = async (isRoot: boolean): Promise<DoctorCheck> => {
  const name = 'namespaces';
  const flags = ['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts'];
  const wanted = isRoot ? flags.slice(1) : flags;
  const filesystem = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'];
  try {
    await run('bwrap', [...filesystem, ...wanted, '--', '/bin/true'], { timeout: 10_000 });
    return {
      name,
      required: true,
      ok: true,
      detail: `own processes, mounts, network, ipc and host name${isRoot ? '' : ', by user namespaces'}`,
    };
  } catch (error) {
    return {
      name,
      required: true,
      ok: false,
      detail: `bubblewrap cannot make a sandbox: ${lastLine(error)}`,
      fix: isRoot
        ? 'in a container, start it with more rights (docker run --privileged)'
        : 'sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=10000 (those that exist)',
    };
  }
};

const lastLine = (error: unknown): string => {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr.split('\n').at(-1) || (error instanceof Error ? error.message : String(error));
};

const checkLauncher = async (): Promise<DoctorCheck> => {
  const programs = ['paddock-launch', 'paddock-init'];
  const missing: string[] = [];
  for (const program of programs) {
    if (!(await isAccessible(join(projectRoot, '.build', program), constants.X_OK))) missing.push(program);
  }
  return {
    name: 'launcher',
    required: true,
    ok: missing.length === 0,
    detail: missing.length === 0 ? 'compiled' : `${missing.join(' and ')} not compiled`,
    fix: './scripts/build-native',
  };
};

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

const checkUids = (isRoot: boolean): DoctorCheck => ({
  name: 'user ids',
  required: false,
  ok: isRoot,
  detail: isRoot ? 'each sandbox has one of its own' : 'all sandboxes share this user’s',
  fix: 'sudo ./scripts/start',
});

const checkSeccomp = async (): Promise<DoctorCheck> => {
  const ok = /^Seccomp:/m.test(await readText('/proc/self/status'));
  return {
    name: 'seccomp',
    required: false,
    ok,
    detail: ok ? 'dangerous system calls are filtered' : 'the kernel has no seccomp filters',
    fix: 'use a kernel with CONFIG_SECCOMP_FILTER, as Debian’s has',
  };
};

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
