import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { RuntimeManifest } from '../../contracts/index.ts';

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 20_000;

/** The toolchain of a runtime as found on this host. */
export interface Toolchain {
  /** Path on the host. */
  readonly path: string;
  /** Path inside the sandbox. */
  readonly inside: string;
  /** Folder to be shown inside at the same path; undefined where /usr holds all of it. */
  readonly root: string | undefined;
  readonly version: string;
  /** What it said of itself, one line. */
  readonly said: string;
}

export type Probed = { readonly toolchain: Toolchain } | { readonly missing: string };

export interface ProbeSurroundings {
  /** Of the executor: how names without a slash are found. */
  readonly path: string;
  readonly home: string;
  /** The Node that runs this, for `{node}`. */
  readonly node: string;
}

/** Where {node} is shown. */
export const NODE_INSIDE = '/opt/paddock/node';

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

const ask = async (path: string, args: readonly string[], around: ProbeSurroundings): Promise<string> => {
  const { stdout, stderr } = await run(path, [...args], {
    timeout: PROBE_TIMEOUT_MS,
    env: { PATH: around.path, HOME: around.home, LANG: 'C.UTF-8' },
  });
  return `${stdout}\n${stderr}`.trim();
};

const rootOf = async (
  manifest: RuntimeManifest,
  path: string,
  around: ProbeSurroundings,
): Promise<string | undefined> => {
  const { root } = manifest.toolchain;
  if (root?.args) return (await ask(path, root.args, around)).split('\n')[0]?.trim();
  if (root?.path) return realpathSync(`${dirname(path)}/${root.path}`);
  return undefined;
};

export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

const tryCandidate = async (
  manifest: RuntimeManifest,
  candidate: string,
  around: ProbeSurroundings,
): Promise<Toolchain | undefined> => {
  const path = locate(candidate, around);
  if (path === undefined) return undefined;
  const said = await ask(path, manifest.toolchain.probe.args, around);
  const version = new RegExp(manifest.toolchain.probe.pattern).exec(said)?.[1];
  if (version === undefined) return undefined;
  const root = await rootOf(manifest, path, around);
  const own = candidate === '{node}';
  const real = realpathSync(path);
  if (!own && root === undefined && !isBelow(real, '/usr')) return undefined;
  return {
    path,
    inside: own ? NODE_INSIDE : path,
    root: root !== undefined && !isBelow(root, '/usr') ? root : undefined,
    version: manifest.version ?? version,
    said: said.split('\n')[0] ?? version,
  };
};

/** Looks for a runtime's toolchain among its candidates; the reason is for people where there is none. */
export const probe = async (manifest: RuntimeManifest, around: ProbeSurroundings): Promise<Probed> => {
  const { candidates, requires } = manifest.toolchain;
  const absent = requires.filter((path) => !existsSync(path));
  if (absent.length > 0) return { missing: `not on this host: ${absent.join(', ')}` };
  for (const candidate of candidates) {
    try {
      const toolchain = await tryCandidate(manifest, candidate, around);
      if (toolchain) return { toolchain };
    } catch {
      // A candidate that does not even tell its version is no candidate; the next may do.
    }
  }
  return { missing: `not on this host: none of ${candidates.join(', ')} works` };
};
