import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing } from './image-error.ts';
import { digestSchema, hexOf, isDigest, isImageName, type StoreLayout } from './layout.ts';
import { listFolder } from './list-folder.ts';

/** What a store says of an image, in roots/HEX/image.json. */
export const imageRecordSchema = z.object({
  digest: digestSchema,
  /** Where it came from. */
  reference: z.string(),
  env: z.record(z.string(), z.string()).default({}),
  architecture: z.string().default(''),
  /** Of all files, also of those that other images have too. */
  bytes: z.number().default(0),
  files: z.number().default(0),
  createdAt: z.string(),
  /** sha256 of tree.gz */
  tree: z.string().default(''),
});

export type ImageRecord = z.infer<typeof imageRecordSchema>;

export interface StoredImage extends ImageRecord {
  /** The names that stand for it, sorted. */
  readonly names: readonly string[];
  /** Absolute path of the unpacked root. Nothing in it may be written, and no link in it followed. */
  readonly root: string;
  /** The record itself cannot be read, so that nothing is known of the image: it must not be used. */
  readonly damaged?: true;
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A folder is not what the store puts there, and says as little.
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'EISDIR'))
      return undefined;
    throw error;
  }
};

/** A digest as names/ and indexes/ hold it. */
const readDigest = (path: string): string | undefined => {
  const text = readText(path)?.trim();
  return text !== undefined && isDigest(text) ? text : undefined;
};

/** All names with the digests that they stand for. */
export const readNames = (layout: StoreLayout): Map<string, string> => {
  const names = new Map<string, string>();
  for (const name of listFolder(layout.names).sort().filter(isImageName)) {
    const digest = readDigest(join(layout.names, name));
    if (digest !== undefined) names.set(name, digest);
  }
  return names;
};

/** The digest of a root: a name, the digest of an image or that of a list with it. */
export const resolveDigest = (layout: StoreLayout, nameOrDigest: string): string | undefined => {
  if (isImageName(nameOrDigest)) return readDigest(join(layout.names, nameOrDigest));
  if (!isDigest(nameOrDigest)) return undefined;
  return readDigest(join(layout.indexes, hexOf(nameOrDigest))) ?? nameOrDigest;
};

export const readImage = (
  layout: StoreLayout,
  digest: string,
  names: ReadonlyMap<string, string>,
): StoredImage | undefined => {
  const folder = join(layout.roots, hexOf(digest));
  const text = readText(join(folder, 'image.json'));
  if (text === undefined) return undefined;
  const place = {
    root: join(folder, 'root'),
    names: [...names].filter(([, named]) => named === digest).map(([name]) => name),
  };
  const record = parseRecord(text);
  return record?.digest === digest
    ? { ...record, ...place }
    : { ...unknownRecord(digest), ...place, damaged: true };
};

const parseRecord = (text: string): ImageRecord | undefined => {
  try {
    return imageRecordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const unknownRecord = (digest: string): ImageRecord =>
  imageRecordSchema.parse({ digest, reference: 'damaged', createdAt: new Date(0).toISOString() });

export const listDigests = (layout: StoreLayout): string[] =>
  listFolder(layout.roots)
    .sort()
    .map((name) => `sha256:${name}`)
    .filter(isDigest);
