import { lstatSync, readlinkSync } from 'node:fs';
import { ImageError } from './image-error.ts';
import { type Environment, runTool } from './tool.ts';

export interface UnpackOrder {
  /** An OCI layout with the tag `image`. */
  readonly layout: string;
  /** An empty folder. The image is unpacked to `root` in it. */
  readonly target: string;
  /** No file may become larger. */
  readonly largestFile: number;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

const MINUTES = 30;
const LEAST_FILE = 1024 ** 2;

/** /lib and the like are links to /usr in most distributions. */
const systemFolders = (): string[] =>
  ['/bin', '/lib', '/lib64'].flatMap((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) return ['--symlink', readlinkSync(path), path];
    return stat ? ['--ro-bind', path, path] : [];
  });

/**
 * Unpacks all layers, the later over the earlier. An image is an enemy, and unpacking tools have followed its links
 * before: so this one sees the layout, the folder it writes to and programs of the host, has no network and no
 * capabilities.
 */
export const unpack = async (order: UnpackOrder): Promise<void> => {
  const { env, layout, target } = order;
  const deadline = AbortSignal.timeout(MINUTES * 60_000);
  const signal = order.signal ? AbortSignal.any([order.signal, deadline]) : deadline;
  const sandbox = [
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--ro-bind', '/usr', '/usr', ...systemFolders()],
    ...['--dev', '/dev', '--tmpfs', '/tmp', '--ro-bind', layout, '/layout', '--bind', target, '/target'],
    ...['--chdir', '/target'],
  ];
  const program = ['umoci', 'raw', 'unpack', '--rootless', '--image', '/layout:image', '/target/root'];
  const fsize = Math.max(order.largestFile, LEAST_FILE);
  const args = [`--fsize=${fsize}`, '--core=0', '--', 'bwrap', ...sandbox, '--', ...program];
  const answer = await runTool('prlimit', args, { env, signal });
  if (answer.ok) return;
  throw explain(answer.stderr);
};

const explain = (stderr: string): ImageError => {
  if (/bwrap: execvp umoci/.test(stderr)) {
    return new ImageError('tool-missing', 'umoci is missing: apt-get install umoci');
  }
  if (/failed to execute bwrap/.test(stderr)) {
    return new ImageError('tool-missing', 'bwrap is missing: apt-get install bubblewrap');
  }
  const words =
    stderr
      .trimEnd()
      .split('\n')
      .findLast((line) => line.trim() !== '') ?? '';
  if (/^bwrap:/.test(words)) return new ImageError('failed', `no sandbox to unpack in: ${words}`);
  return new ImageError('refused', `it cannot be unpacked: ${words.replace(/^\W*⨯?\s*/, '').slice(0, 600)}`);
};
