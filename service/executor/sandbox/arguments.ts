import type { ShownPath } from './port.ts';

export interface SandboxLayout {
  readonly bwrap: string;
  /** Mount point of the scratch space, seen by this sandbox alone. */
  readonly stage: string;
  readonly streams: {
    readonly stdin: string;
    readonly stdout: string;
    readonly stderr: string;
    readonly control: string;
  };
  /** File with the seccomp program. */
  readonly seccomp: string;
  /** Generated /etc, shared by all. */
  readonly etc: string;
  readonly init: string;
  readonly joinFiles: readonly string[];
  /** Host uid of the sandbox; undefined where the executor is not root and shares its own. */
  readonly uid: number | undefined;
  readonly scratchBytes: number;
  readonly scratchInodes: number;
  readonly shown: readonly ShownPath[];
  readonly links: Readonly<Record<string, string>>;
  readonly warmCommand: readonly string[];
  /** Of the warm program. */
  readonly env: Readonly<Record<string, string>>;
}

/** What the program sees itself as, whatever it is on the host. */
const INSIDE_ID = '1000';
const INTERNAL = '/opt/paddock';
const INIT_NAME = 'init';
/** Own folders and mount points of the scratch space, on top of what the limit leaves to the program. */
const OWN_INODES = 32;
/** Where the launcher opens the seccomp program. */
const SECCOMP_DESCRIPTOR = 4;

const internalName = (target: string): string | undefined =>
  target.startsWith(`${INTERNAL}/`) && !target.slice(INTERNAL.length + 1).includes('/')
    ? target.slice(INTERNAL.length + 1)
    : undefined;

const launchArguments = (layout: SandboxLayout): string[] => [
  '--stage',
  layout.stage,
  '--scratch-bytes',
  String(layout.scratchBytes),
  '--scratch-inodes',
  String(layout.scratchInodes + OWN_INODES),
  '--control',
  layout.streams.control,
  '--seccomp',
  layout.seccomp,
  '--stdin',
  layout.streams.stdin,
  '--stdout',
  layout.streams.stdout,
  '--stderr',
  layout.streams.stderr,
  '--uid',
  layout.uid === undefined ? 'self' : String(layout.uid),
  ...layout.joinFiles.flatMap((file) => ['--join', file]),
  '--show',
  layout.init,
  INIT_NAME,
  ...layout.shown.flatMap(({ source, target }, index) => [
    '--show',
    source,
    internalName(target) ?? `shown-${index}`,
  ]),
  ...Object.entries(layout.links).flatMap(([name, target]) => ['--link', target, name]),
  ...Object.entries(layout.env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
];

/** Everything is unshared, read-only and without rights; each exception is one line here. */
const bubblewrapArguments = (layout: SandboxLayout): string[] => [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-net',
  '--unshare-cgroup-try',
  '--die-with-parent',
  '--new-session',
  '--as-pid-1',
  '--uid',
  INSIDE_ID,
  '--gid',
  INSIDE_ID,
  '--hostname',
  'paddock',
  '--ro-bind',
  '/usr',
  '/usr',
  ...['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap((name) => [
    '--symlink',
    `usr/${name}`,
    `/${name}`,
  ]),
  '--ro-bind',
  layout.etc,
  '/etc',
  '--proc',
  '/proc',
  '--dev',
  '/dev',
  '--bind',
  `${layout.stage}/work`,
  '/work',
  '--bind',
  `${layout.stage}/tmp`,
  '/tmp',
  '--bind',
  `${layout.stage}/shm`,
  '/dev/shm',
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
  '--seccomp',
  String(SECCOMP_DESCRIPTOR),
  `${INTERNAL}/${INIT_NAME}`,
  ...layout.warmCommand,
];

/** The whole start request that makes one sandbox: launcher, bubblewrap, first process. */
export const startArguments = (layout: SandboxLayout): string[] => [
  ...launchArguments(layout),
  '--',
  layout.bwrap,
  ...bubblewrapArguments(layout),
];
