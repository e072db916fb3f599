import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import type { LoadedManifest } from './load.ts';
import { type Probed, probe } from './probe.ts';
import {
  hostSurroundings,
  isBelow,
  locate,
  type ProbeSurroundings,
  type Surroundings,
} from './surroundings.ts';

/** A package manager may leave a program as it is and change what it loads. */
const TRUSTED_MS = 24 * 3_600_000;
/** Raised when the way of probing changes. */
const FORMAT = 1;

const rememberedSchema = z.object({
  key: z.string(),
  at: z.number(),
  toolchain: z.object({
    path: z.string(),
    inside: z.string(),
    root: z.string().optional(),
    version: z.string(),
    said: z.string(),
  }),
});

/**
 * Changes with all that an answer depends on; undefined where that cannot be known. A program that lies elsewhere than
 * below /usr is often a proxy (rustup, pyenv), whose answer depends on settings somewhere.
 */
const keyOf = ({ manifest, digest }: LoadedManifest, around: ProbeSurroundings): string | undefined => {
  const programs: unknown[] = [];
  for (const candidate of manifest.toolchain.candidates) {
    const path = locate(candidate, around);
    if (path === undefined) continue;
    const real = realpathSync(path);
    if (candidate !== '{node}' && !isBelow(real, '/usr')) return undefined;
    const { size, mtimeMs } = statSync(real);
    programs.push([candidate, path, real, size, mtimeMs]);
  }
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, digest, programs]))
    .digest('hex');
};

const recall = (file: string, key: string, now: number, trustedMs = TRUSTED_MS): Probed | undefined => {
  try {
    const remembered = rememberedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const age = now - remembered.at;
    if (remembered.key !== key || age < 0 || age > trustedMs) return undefined;
    const { root, ...toolchain } = remembered.toolchain;
    return { toolchain: { ...toolchain, root } };
  } catch {
    return undefined; // not there, or not whole: asking again is all that follows
  }
};

/** Where it cannot be kept, the next start asks again. */
const remember = (folder: string, file: string, content: object): void => {
  const fresh = `${file}.${randomUUID()}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch {
    return;
  }
  try {
    writeFileSync(fresh, JSON.stringify(content));
    renameSync(fresh, file);
  } catch {
    rmSync(fresh, { force: true });
  }
};

/**
 * What a toolchain said of itself when it was last asked, as long as nothing about it has changed; otherwise it is
 * asked. Asking a dozen of them takes longer than all else that an executor does at its start.
 * @param now milliseconds since 1970
 */
export const probeOrRecall = async (
  loaded: LoadedManifest,
  around: ProbeSurroundings,
  cacheFolder: string,
  now: number,
): Promise<Probed> => {
  const key = keyOf(loaded, around);
  const folder = `${cacheFolder}/toolchains`;
  const file = `${folder}/${basename(loaded.folder)}.json`;
  const { requires } = loaded.manifest.toolchain;
  const known = key !== undefined && requires.every(exists) ? recall(file, key, now) : undefined;
  if (known) return known;
  const probed = await probe(loaded.manifest, hostSurroundings(around), 'on this host');
  if (key !== undefined && 'toolchain' in probed)
    remember(folder, file, { key, at: now, toolchain: probed.toolchain });
  return probed;
};

/** The same for an image, which never changes: what it said once is true as long as the manifest is the same. */
export const probeImage = async (
  { folder: own, manifest, digest }: LoadedManifest,
  image: { readonly digest: string; readonly surroundings: Surroundings },
  cacheFolder: string,
  now: number,
): Promise<Probed> => {
  const key = createHash('sha256')
    .update(JSON.stringify([FORMAT, digest, image.digest]))
    .digest('hex');
  const folder = `${cacheFolder}/toolchains`;
  const file = `${folder}/${basename(own)}-${image.digest.replace(/^sha256:/, '').slice(0, 24)}.json`;
  const known = recall(file, key, now, Number.POSITIVE_INFINITY);
  if (known) return known;
  const probed = await probe(manifest, image.surroundings, 'in the image');
  if ('toolchain' in probed) remember(folder, file, { key, at: now, toolchain: probed.toolchain });
  return probed;
};

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
