import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 20_000;

/** Where {node} is shown. */
export const NODE_INSIDE = '/opt/paddock/node';

/** Where toolchains are looked for: this host, or an image (image-surroundings.ts). Paths are those that a sandbox sees. */
export interface Surroundings {
  exists(path: string): boolean;
  /** The path of a candidate; undefined where it is not there or cannot be started. */
  locate(candidate: string): string | undefined;
  /** Without links. */
  real(path: string): string;
  /** What it prints, standard output first. @throws where it cannot be asked */
  ask(path: string, args: readonly string[]): Promise<string>;
  /** What a sandbox shows without being told; a toolchain elsewhere has to name its root. */
  holds(path: string): boolean;
  /** The path under which a sandbox sees it. */
  inside(candidate: string, path: string): string;
}

export interface ProbeSurroundings {
  /** Of the executor: how names without a slash are found. */
  readonly path: string;
  readonly home: string;
  /** The Node that runs this, for `{node}`. */
  readonly node: string;
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The path of a candidate on this host; undefined where it is not there or cannot be started. */
export const locate = (candidate: string, around: ProbeSurroundings): string | undefined => {
  if (candidate === '{node}') return around.node;
  if (candidate.startsWith('/')) return isExecutable(candidate) ? candidate : undefined;
  return around.path
    .split(':')
    .map((folder) => `${folder}/${candidate}`)
    .find(isExecutable);
};

export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

/** The toolchains that this machine has installed. */
export const hostSurroundings = (around: ProbeSurroundings): Surroundings => ({
  exists: existsSync,
  locate: (candidate) => locate(candidate, around),
  real: (path) => (path === around.node ? '/usr' : realpathSync(path)),
  async ask(path, args) {
    const { stdout, stderr } = await run(path, [...args], {
      timeout: PROBE_TIMEOUT_MS,
      env: { PATH: around.path, HOME: around.home, LANG: 'C.UTF-8' },
    });
    return `${stdout}\n${stderr}`.trim();
  },
  holds: (path) => isBelow(path, '/usr'),
  inside: (candidate, path) => (candidate === '{node}' ? NODE_INSIDE : path),
});
