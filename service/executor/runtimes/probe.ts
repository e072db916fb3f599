import { dirname, posix } from 'node:path';
import type { RuntimeManifest } from '../../contracts/index.ts';
import type { Surroundings } from './surroundings.ts';

/** The toolchain of a runtime as found on this host or in an image. */
export interface Toolchain {
  /** Path on the host; the same as `inside` for one of an image. */
  readonly path: string;
  /** Path inside the sandbox. */
  readonly inside: string;
  /** Folder that holds it where that is not /usr. */
  readonly root: string | undefined;
  readonly version: string;
  /** What it said of itself, one line. */
  readonly said: string;
}

const MOST_WORDS = 300;

export type Probed = { readonly toolchain: Toolchain } | { readonly missing: string };

const rootOf = async (
  manifest: RuntimeManifest,
  path: string,
  around: Surroundings,
): Promise<string | undefined> => {
  const { root } = manifest.toolchain;
  if (root?.args) return (await around.ask(path, root.args)).split('\n')[0]?.trim();
  if (root?.path) return around.real(posix.join(dirname(path), root.path));
  return undefined;
};

const tryCandidate = async (
  manifest: RuntimeManifest,
  candidate: string,
  around: Surroundings,
): Promise<Toolchain | undefined> => {
  const path = around.locate(candidate);
  if (path === undefined) return undefined;
  const said = await around.ask(path, manifest.toolchain.probe.args);
  const version = new RegExp(manifest.toolchain.probe.pattern).exec(said)?.[1];
  if (version === undefined) return undefined;
  const root = await rootOf(manifest, path, around);
  if (root === undefined && !around.holds(around.real(path))) return undefined;
  return {
    path,
    inside: around.inside(candidate, path),
    root: root === '/usr' ? undefined : root,
    version: manifest.version ?? version,
    said: said.split('\n')[0] ?? version,
  };
};

/**
 * Looks for a runtime's toolchain among its candidates; the reason is for people where there is none.
 * @param where for people, for example "on this host"
 */
export const probe = async (
  manifest: RuntimeManifest,
  around: Surroundings,
  where: string,
): Promise<Probed> => {
  const { candidates, requires } = manifest.toolchain;
  const absent = requires.filter((path) => !around.exists(path));
  if (absent.length > 0) return { missing: `not ${where}: ${absent.join(', ')}` };
  let why = '';
  for (const candidate of candidates) {
    try {
      const toolchain = await tryCandidate(manifest, candidate, around);
      if (toolchain) return { toolchain };
    } catch (error) {
      // A candidate that does not even tell its version is no candidate; the next may do.
      // Interpreters say it in their last line.
      const words = (error as Error).message.trim().split('\n').at(-1) ?? '';
      why = ` (${words.slice(0, MOST_WORDS)})`;
    }
  }
  return { missing: `not ${where}: none of ${candidates.join(', ')} works${why}` };
};
