import type { ShownPath } from './port.ts';

/** What a sandbox and a fork server have in common. */
interface CommonLayout {
  readonly bwrap: string;
  /** Mount point of the scratch space, seen by this sandbox alone. */
  readonly stage: string;
  readonly stdin: string;
  /** File with the seccomp program. */
  readonly seccomp: string;
  /** Generated /etc, shared by all. */
  readonly etc: string;
  readonly joinFiles: readonly string[];
  /** Host uid of the sandbox; undefined where the executor is not root and shares its own. */
  readonly uid: number | undefined;
  /** Folder of an unpacked image; undefined: the host's /usr. */
  readonly root?: string | undefined;
  readonly shown: readonly ShownPath[];
  readonly links: Readonly<Record<string, string>>;
  /** Of the warm program. */
  readonly env: Readonly<Record<string, string>>;
}

export interface SandboxLayout extends CommonLayout {
  readonly init: string;
  readonly scratchBytes: number;
  readonly scratchInodes: number;
  readonly warmCommand: readonly string[];
}

export interface ServerLayout extends CommonLayout {
  /** The program, or the library where an interpreter is started. */
  readonly forks: string;
  /** The interpreter that forks; undefined: sandboxes that start their program by exec. */
  readonly interpreter: readonly string[] | undefined;
  /** First of the host uids for its sandboxes, and how many there are; undefined where they share the executor's own. */
  readonly uids: { readonly first: number; readonly count: number } | undefined;
}

/** What the program sees itself as, whatever it is on the host. */
const INSIDE_ID = '1000';
const INTERNAL = '/opt/paddock';
const INIT_NAME = 'init';
const FORKS_NAME = 'forks';
/** Own folders and mount points of the scratch space, on top of what the limit leaves to the program. */
export const OWN_INODES = 32;
/** Where the launcher opens the seccomp program. */
const SECCOMP_DESCRIPTOR = 4;
/** A fork server keeps nothing in its scratch space. */
const SERVER_SCRATCH = { bytes: 1024 * 1024, inodes: 128 };

const internalName = (target: string): string | undefined =>
  target.startsWith(`${INTERNAL}/`) && !target.slice(INTERNAL.length + 1).includes('/')
    ? target.slice(INTERNAL.length + 1)
    : undefined;

const launchArguments = (
  layout: CommonLayout,
  scratch: { readonly bytes: number; readonly inodes: number },
  first: { readonly source: string; readonly name: string },
): string[] => [
  '--stage',
  layout.stage,
  '--scratch-bytes',
  String(scratch.bytes),
  '--scratch-inodes',
  String(scratch.inodes),
  '--seccomp',
  layout.seccomp,
  '--stdin',
  layout.stdin,
  '--uid',
  layout.uid === undefined ? 'self' : String(layout.uid),
  ...layout.joinFiles.flatMap((file) => ['--join', file]),
  '--show',
  first.source,
  first.name,
  ...layout.shown.flatMap(({ source, target }, index) => [
    '--show',
    source,
    internalName(target) ?? `shown-${index}`,
  ]),
  ...Object.entries(layout.links).flatMap(([name, target]) => ['--link', target, name]),
  ...Object.entries(layout.env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
];

const namespaces = [
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-net',
  '--unshare-cgroup-try',
  '--die-with-parent',
  '--new-session',
  '--as-pid-1',
  '--hostname',
  'paddock',
];

const ids = (id: string): string[] => ['--unshare-user', '--uid', id, '--gid', id];

const hostRoot = (etc: string): string[] => [
  '--ro-bind',
  '/usr',
  '/usr',
  ...['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap((name) => [
    '--symlink',
    `usr/${name}`,
    `/${name}`,
  ]),
  '--ro-bind',
  etc,
  '/etc',
];

/**
 * Everything is read-only; each exception is one line here. An image's root holds the mount points already, and an /etc
 * of its own: both are put there when it is unpacked (service/images), so that nothing has to be made in it.
 */
const fileSystem = (layout: CommonLayout, writable: readonly string[]): string[] => [
  ...(layout.root === undefined ? hostRoot(layout.etc) : ['--ro-bind', layout.root, '/']),
  '--proc',
  '/proc',
  '--dev',
  '/dev',
  ...writable,
  '--ro-bind',
  `${layout.stage}/mnt`,
  INTERNAL,
  ...layout.shown.flatMap(({ target }, index) =>
    internalName(target) === undefined ? ['--ro-bind', `${layout.stage}/mnt/shown-${index}`, target] : [],
  ),
  // bubblewrap's root and /dev are tmpfs that the program's user owns: writable and without a size limit until here.
  '--remount-ro',
  '/dev',
  '--remount-ro',
  '/',
  '--chdir',
  '/work',
];

/** bubblewrap makes the folders that a mount point needs for their owner alone, who is none of the sandboxes here. */
const openFolders = (targets: readonly string[]): string[] => {
  const folders = targets.flatMap((target) =>
    target
      .split('/')
      .slice(1, -1)
      .map((_, depth, names) => `/${names.slice(0, depth + 1).join('/')}`),
  );
  return [...new Set(folders)].sort().flatMap((folder) => ['--perms', '0755', '--dir', folder]);
};

/** The whole start request that makes one sandbox: launcher, bubblewrap, first process. */
export const startArguments = (layout: SandboxLayout): string[] => [
  ...launchArguments(
    layout,
    { bytes: layout.scratchBytes, inodes: layout.scratchInodes + OWN_INODES },
    { source: layout.init, name: INIT_NAME },
  ),
  '--',
  layout.bwrap,
  ...ids(INSIDE_ID),
  ...namespaces,
  ...fileSystem(layout, [
    ...['--bind', `${layout.stage}/work`, '/work'],
    ...['--bind', `${layout.stage}/tmp`, '/tmp'],
    ...['--bind', `${layout.stage}/shm`, '/dev/shm'],
  ]),
  '--seccomp',
  String(SECCOMP_DESCRIPTOR),
  `${INTERNAL}/${INIT_NAME}`,
  ...layout.warmCommand,
];

/**
 * The whole start request that makes a fork server. It is root of its user namespace, which has no right outside; the
 * seccomp program is for its sandboxes, which put it on themselves.
 */
export const serverArguments = (layout: ServerLayout): string[] => {
  const inside = `${INTERNAL}/${FORKS_NAME}`;
  return [
    '--range',
    ...(layout.uids ? [String(layout.uids.first), String(layout.uids.count)] : ['0', '0']),
    ...launchArguments(layout, SERVER_SCRATCH, { source: layout.forks, name: FORKS_NAME }),
    '--',
    layout.bwrap,
    // With a range of uids the launcher has made the user namespace: only root outside can.
    ...(layout.uids ? [] : ids('0')),
    ...namespaces,
    '--cap-add',
    'ALL',
    // Empty and read-only: each sandbox mounts its own there.
    ...fileSystem(
      layout,
      layout.root === undefined
        ? openFolders(['/work/', '/tmp/', `${INTERNAL}/`, ...layout.shown.map(({ target }) => target)])
        : [],
    ),
    // Not by the environment of bubblewrap, which would preload it into itself.
    ...(layout.interpreter ? ['--setenv', 'LD_PRELOAD', inside, ...layout.interpreter] : [inside]),
  ];
};
