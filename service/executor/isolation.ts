import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Isolation } from '../contracts/index.ts';
import { type CgroupFinding, detectCgroup } from './cgroup/detect.ts';
import { syscallTables } from './sandbox/seccomp/syscalls.ts';

export interface IsolationSurroundings {
  readonly userId: number;
  readonly architecture: string;
  readonly launch: string;
  readonly init: string;
  /** Name of the cgroup folder that is tried. */
  readonly cgroupName: string;
}

/** One thing that was looked at, for `paddock doctor`. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** Without it no executor starts, whatever is allowed. */
  readonly required: boolean;
  readonly detail: string;
  readonly fix?: string;
}

export interface Inspection {
  readonly findings: readonly Finding[];
  readonly isolation: Isolation;
  readonly cgroup: CgroupFinding;
  /** Path of bubblewrap; undefined where it is missing. */
  readonly bwrap: string | undefined;
}

const bubblewrapVersion = (path: string): string | undefined => {
  try {
    return execFileSync(path, ['--version'], { encoding: 'utf8', timeout: 5_000 }).trim();
  } catch {
    return undefined;
  }
};

/** The whole of a sandbox in small, as the user that sandboxes run as. */
const userNamespaceProblem = (bwrap: string, asUid: number | undefined): string | undefined => {
  try {
    execFileSync(
      bwrap,
      ['--unshare-user', '--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', '--proc', '/proc', 'true'],
      {
        stdio: 'pipe',
        timeout: 10_000,
        uid: asUid,
        gid: asUid,
      },
    );
    return undefined;
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error).trim();
  }
};

const findBwrap = (): string | undefined =>
  ['/usr/bin/bwrap', '/usr/local/bin/bwrap'].find((path) => existsSync(path));

/** Everything but the cgroup: looks and changes nothing, so `paddock doctor` shares it. */
export const inspectHost = (
  around: Omit<IsolationSurroundings, 'cgroupName'>,
): { findings: Finding[]; bwrap: string | undefined; version: string | undefined; seccomp: boolean } => {
  const findings: Finding[] = [];
  const root = around.userId === 0;

  const bwrap = findBwrap();
  const version = bwrap && bubblewrapVersion(bwrap);
  findings.push({
    name: 'bubblewrap',
    ok: version !== undefined,
    required: true,
    detail: version ?? 'not installed',
    fix: version ? undefined : 'apt-get install bubblewrap',
  });

  const native = existsSync(around.launch) && existsSync(around.init);
  findings.push({
    name: 'launcher',
    ok: native,
    required: true,
    detail: native ? around.launch : `${around.launch} is not built`,
    fix: native ? undefined : 'scripts/build-native (needs gcc and libc6-dev)',
  });

  const namespaces = bwrap ? userNamespaceProblem(bwrap, root ? 65_534 : undefined) : 'bubblewrap is missing';
  findings.push({
    name: 'user namespaces',
    ok: namespaces === undefined,
    required: true,
    detail: namespaces ?? 'own user, pid, mount, ipc, uts, cgroup and network namespaces for each sandbox',
    fix: namespaces ? 'sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000' : undefined,
  });

  const seccomp = around.architecture in syscallTables;
  findings.push({
    name: 'seccomp filter',
    ok: seccomp,
    required: true,
    detail: seccomp ? `for ${around.architecture}` : `none is written for ${around.architecture}`,
  });

  findings.push({
    name: 'distinct uids',
    ok: root,
    required: false,
    detail: root
      ? 'each sandbox has a host uid of its own'
      : 'not root: every sandbox has the host uid of the executor',
    fix: root ? undefined : 'sudo ./scripts/start',
  });
  return { findings, bwrap, version, seccomp };
};

/** Looks at what this machine can enforce. Changes nothing but the executor's own cgroup folder. */
export const inspectIsolation = (around: IsolationSurroundings): Inspection => {
  const { findings, bwrap, version, seccomp } = inspectHost(around);
  const weaker: string[] = [];
  const root = around.userId === 0;
  const cgroup = detectCgroup(around.cgroupName);
  if (cgroup.driver) {
    weaker.push(...cgroup.weaker);
    findings.push({
      name: 'cgroup',
      ok: cgroup.weaker.length === 0,
      required: false,
      detail: `${cgroup.driver.version}: memory, processes and CPU are limited${cgroup.weaker.length > 0 ? `, but ${cgroup.weaker.join(', ')}` : ''}`,
    });
  } else {
    weaker.push(`limits: rlimits only, for each process instead of the whole sandbox (${cgroup.reason})`);
    findings.push({
      name: 'cgroup',
      ok: false,
      required: false,
      detail: cgroup.reason,
      fix: root
        ? 'mount the cgroup file systems, or allow weaker limits with PADDOCK_ALLOW_WEAKER=1'
        : 'run as root, or inside `systemd-run --user --scope -p Delegate=yes`, or allow weaker limits with PADDOCK_ALLOW_WEAKER=1',
    });
  }

  if (!root) weaker.push('uids: every sandbox has the host uid of the executor');
  return {
    findings,
    cgroup,
    bwrap,
    isolation: {
      sandbox: version ?? 'none',
      cgroup: cgroup.driver?.version ?? 'none',
      distinctUids: root,
      seccomp,
      weaker,
    },
  };
};

/** What keeps an executor from starting, in one message for people; undefined where nothing does. */
export const refusal = (inspection: Inspection, allowWeaker: boolean): string | undefined => {
  const lines = inspection.findings
    .filter((finding) => !finding.ok && finding.required)
    .map((finding) => `${finding.name}: ${finding.detail}${finding.fix ? ` (${finding.fix})` : ''}`);
  if (!inspection.cgroup.driver && !allowWeaker) {
    const finding = inspection.findings.find(({ name }) => name === 'cgroup');
    lines.push(`limits cannot be enforced: ${inspection.cgroup.reason} (${finding?.fix ?? ''})`);
  }
  return lines.length > 0 ? lines.join('\n') : undefined;
};

/** Memory of the machine, or of the cgroup this process is confined to, in MiB. */
export const machineMemoryMb = (): number => {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Math.floor(Number(kib ?? 0) / 1_024);
};
