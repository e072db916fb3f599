import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { faultsOf, type RuntimeManifest, runtimeManifestSchema } from '../../contracts/index.ts';
import type { ImageStore } from '../../images/store.ts';

export interface LoadedManifest {
  readonly folder: string;
  readonly manifest: RuntimeManifest;
  /** Of everything in the folder, and in those it shares, but samples: what the preparation depends on. */
  readonly digest: string;
}

const SAMPLES = 'samples';

const filesBelow = (folder: string, prefix = ''): string[] =>
  readdirSync(`${folder}/${prefix}`, { withFileTypes: true })
    .filter((entry) => !(prefix === '' && entry.name === SAMPLES))
    .flatMap((entry) =>
      entry.isDirectory() ? filesBelow(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
    )
    .sort();

const digestOf = (folders: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of filesBelow(folder)) hash.update(`${name}\0`).update(readFileSync(`${folder}/${name}`));
  }
  return hash.digest('hex');
};

/**
 * Reads every images/NAME/runtime.yaml.
 * @throws one error that lists the faults of all manifests: a wrong one is the builder's to mend, not to skip
 */
export const loadManifests = (imagesFolder: string): LoadedManifest[] => {
  const faults: string[] = [];
  const loaded: LoadedManifest[] = [];
  for (const name of readdirSync(imagesFolder).sort()) {
    const folder = `${imagesFolder}/${name}`;
    const path = `${folder}/runtime.yaml`;
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    try {
      const parsed = runtimeManifestSchema.safeParse(parse(readFileSync(path, 'utf8')));
      if (parsed.success) {
        const shared = parsed.data.shares.map((other) => `${imagesFolder}/${other}`);
        loaded.push({ folder, manifest: parsed.data, digest: digestOf([folder, ...shared]) });
      } else
        faults.push(...faultsOf(parsed.error).map((fault) => `${path}: ${fault.path}: ${fault.message}`));
    } catch (error) {
      faults.push(`${path}: ${(error as Error).message}`);
    }
  }
  if (faults.length > 0) throw new Error(`the runtime manifests have faults:\n  ${faults.join('\n  ')}`);
  return loaded;
};

/** The images in a store that are for runtimes of this folder: named like the folders of their manifests. */
export const imagesNamed = (imagesFolder: string, store: Pick<ImageStore, 'find'>): string[] =>
  readdirSync(imagesFolder).flatMap((name) => store.find(name)?.digest ?? []);
