import { join } from 'node:path';
import { z } from 'zod';

/** The file that makes a folder a store. */
export const MARKER = 'paddock-images';

/**
 * Where things lie in a store:
 *
 *     paddock-images       makes it one
 *     names/NAME           `sha256:HEX`, the image that the name stands for
 *     indexes/HEX          `sha256:HEX`, the image of this architecture in a list of images
 *     roots/HEX/root/      the unpacked image, its files hard links to objects/
 *     roots/HEX/image.json the record
 *     roots/HEX/tree.gz    every path with its type, mode and content, for `verify`
 *     objects/AB/KEY       contents of files, each once
 *     blobs/sha256/HEX     layers of pulls that are not done
 *     leases/ID            digests in use, as long as the file is locked
 *     locks/, tmp/         who works on what, and work that is not done
 */
export const storeLayout = (folder: string) => ({
  folder,
  marker: join(folder, MARKER),
  names: join(folder, 'names'),
  indexes: join(folder, 'indexes'),
  roots: join(folder, 'roots'),
  objects: join(folder, 'objects'),
  blobs: join(folder, 'blobs'),
  leases: join(folder, 'leases'),
  locks: join(folder, 'locks'),
  work: join(folder, 'tmp'),
  /** Shared while something is added, exclusive while it is decided what goes. */
  storeLock: join(folder, 'locks', 'store'),
  /** Shared by those who download, exclusive for who clears the blobs. */
  blobsLock: join(folder, 'locks', 'blobs'),
});

export type StoreLayout = ReturnType<typeof storeLayout>;

/** All that lies in the folder itself, but for the marker. */
export const storeEntries: ReadonlySet<string> = new Set([
  'names',
  'indexes',
  'roots',
  'objects',
  'blobs',
  'leases',
  'locks',
  'tmp',
]);

export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** Of an image in the store: a file name that is no path and no option. */
export const imageNameSchema = z
  .string()
  .max(100)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'a name has lower-case letters, digits, dots, dashes and underscores');

export const isDigest = (text: string): boolean => digestSchema.safeParse(text).success;
export const isImageName = (text: string): boolean => imageNameSchema.safeParse(text).success;

/** What a digest's files are named after. The digest has been checked. */
export const hexOf = (digest: string): string => digest.slice('sha256:'.length);

/** Where a node keeps its images unless it is told otherwise. */
export const defaultStoreFolder = (
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): string => {
  if (env.PADDOCK_IMAGE_STORE) return env.PADDOCK_IMAGE_STORE;
  if (isRoot) return '/var/lib/paddock/images';
  return join(env.XDG_DATA_HOME || join(env.HOME || '/nonexistent', '.local/share'), 'paddock/images');
};
