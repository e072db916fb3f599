import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

export interface Finished {
  readonly status: number | null;
  /** Standard output and standard error, one after the other. */
  readonly said: string;
}

/** A fresh Debian in a folder, with the project at /srv/paddock; commands in it see the host's network and no file of it. */
export interface DebianRoot {
  readonly folder: string;
  /** Runs as root in it, without the right to change the host's network. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Finished;
  /** What each file, link and folder of these folders is: its mode, owner and content. */
  listing(folders: readonly string[]): Map<string, string>;
  remove(): void;
}

const installed = (tool: string): boolean =>
  (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some((folder) => existsSync(join(folder, tool)));

/** Which of the tools are missing, as the reason of a skip. */
export const missingTools = (...tools: readonly string[]): string | false => {
  const missing = tools.filter((tool) => !installed(tool));
  if (missing.length > 0) return `${missing.join(' and ')} not installed`;
  return process.getuid?.() === 0 ? false : 'needs root';
};

export const execute = (
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Finished => {
  const [file = '', ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    env,
    timeout: 400_000,
  });
  if (error) throw new Error(`${file} did not run to its end: ${error.message}`, { cause: error });
  return { status, said: stdout + stderr };
};

const succeed = (...command: string[]): void => {
  const { status, said } = execute(command);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${said}`);
};

/** The packages of the first boot are unpacked once for all runs of the tests. */
const baseArchive = (cache: string): string => {
  const archive = join(cache, 'debian-bookworm.tar');
  if (existsSync(archive)) return archive;
  const packages = 'ca-certificates,dbus,openssh-server,systemd,systemd-sysv';
  const fresh = join(cache, `.debian-bookworm.${process.pid}.tar`);
  succeed('mmdebstrap', '--quiet', '--variant=minbase', `--include=${packages}`, 'bookworm', fresh);
  renameSync(fresh, archive);
  return archive;
};

const copyProject = (to: string): void => {
  mkdirSync(to);
  const files = execute(['git', '-C', project, 'ls-files', '-z']);
  const present = files.said.split('\0').filter((path) => path !== '' && existsSync(join(project, path)));
  const { status, stderr } = spawnSync('rsync', ['-a', '--from0', '--files-from=-', project, `${to}/`], {
    input: present.join('\0'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the project cannot be copied: ${stderr}`);
  // Links take no room and no time, where both are on one disk.
  const modules = [join(project, 'node_modules'), `${to}/`] as const;
  if (execute(['cp', '-al', ...modules]).status !== 0) succeed('cp', '-a', ...modules);
};

const describeFile = (path: string): string => {
  const { mode, uid, gid } = lstatSync(path);
  const kind = lstatSync(path);
  const content = kind.isSymbolicLink()
    ? readlinkSync(path)
    : kind.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : '';
  return `${mode.toString(8)} ${uid}:${gid} ${content}`;
};

/** @throws Error where Debian's packages cannot be had */
export const makeDebianRoot = (): DebianRoot => {
  const cache = join(process.env.PADDOCK_CACHE_DIR ?? '/var/cache/paddock', 'test');
  const packages = join(cache, 'packages');
  mkdirSync(packages, { recursive: true });
  const archive = baseArchive(cache);
  const base = mkdtempSync(join(cache, 'root-'));
  const folder = join(base, 'root');
  const source = join(base, 'source');
  mkdirSync(folder);
  succeed('tar', '-xf', archive, '-C', folder);
  copyProject(source);
  // biome-ignore format: one option and its values to a line
  const sandbox = [
    'bwrap', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent', '--clearenv',
    '--cap-add', 'ALL', '--cap-drop', 'CAP_NET_ADMIN',
    '--setenv', 'PATH', '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '--setenv', 'HOME', '/root',
    '--bind', folder, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/run',
    '--ro-bind', '/etc/resolv.conf', '/etc/resolv.conf',
    '--ro-bind', source, '/srv/paddock', '--bind', packages, '/var/cache/apt/archives',
  ];
  return {
    folder,
    run(command, env = {}) {
      const variables = Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]);
      return execute([...sandbox, ...variables, '--', ...command]);
    },
    listing(folders) {
      const entries = folders.flatMap((name) =>
        readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).map((path) =>
          join(name, path),
        ),
      );
      return new Map(entries.map((path) => [path, describeFile(join(folder, path))]));
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
};
