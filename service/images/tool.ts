import { spawn } from 'node:child_process';
import { ImageError } from './image-error.ts';

/** The programs that do the work, and the Debian package of each. */
const packages = {
  skopeo: 'skopeo',
  umoci: 'umoci',
  buildah: 'buildah',
  bwrap: 'bubblewrap',
  prlimit: 'util-linux',
  setpriv: 'util-linux',
  sync: 'coreutils',
} as const;

type ToolName = keyof typeof packages;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ToolOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Each line of what it says, as it says it. */
  readonly onLine?: (line: string) => void;
  /** Ends it by itself when this process dies. Not for a tool that must clean up after itself. */
  readonly diesWithUs?: boolean;
  /** A tool that is started by another one: the package to name where it is missing. */
  readonly missing?: ToolName;
}

export interface ToolAnswer {
  readonly ok: boolean;
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  /** The end of it. */
  readonly stderr: string;
}

const STDOUT_LIMIT = 8 * 1024 ** 2;
const STDERR_KEPT = 32 * 1024;

export const missingTool = (name: ToolName, cause?: unknown): ImageError =>
  new ImageError('tool-missing', `${name} is missing: apt-get install ${packages[name]}`, { cause });

/**
 * Runs a tool to its end; that it fails is an answer.
 * @throws ImageError where it is not installed; the signal's reason where that ends it
 */
export const runTool = (
  name: ToolName,
  args: readonly string[],
  options: ToolOptions,
): Promise<ToolAnswer> => {
  const { signal, env } = options;
  signal?.throwIfAborted();
  const [file, argv]: [ToolName, readonly string[]] = options.diesWithUs
    ? ['setpriv', ['--pdeathsig', 'KILL', '--', name, ...args]]
    : [name, args];
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, LC_ALL: 'C.UTF-8' },
    });
    const stop = () => child.kill('SIGTERM');
    signal?.addEventListener('abort', stop, { once: true });
    const stdout: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= STDOUT_LIMIT) stdout.push(chunk);
      options.onLine && eachLine(chunk.toString(), options.onLine);
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_KEPT);
      options.onLine && eachLine(text, options.onLine);
    });
    child.once('error', (error) => {
      signal?.removeEventListener('abort', stop);
      reject('code' in error && error.code === 'ENOENT' ? missingTool(file, error) : error);
    });
    child.once('close', (exitCode) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) reject(signal.reason);
      // setpriv and prlimit say with 127 that there is no such program.
      else if (exitCode === 127 && options.diesWithUs) reject(missingTool(name));
      else resolve({ ok: exitCode === 0, exitCode, stdout: Buffer.concat(stdout), stderr });
    });
  });
};

const eachLine = (text: string, onLine: (line: string) => void): void => {
  for (const line of text.split('\n')) if (line.trim() !== '') onLine(line.trimEnd());
};
