import { renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { claimStore } from './claim.ts';
import { lockFile } from './file-lock.ts';
import { ImageError } from './image-error.ts';
import type { StoreLayout } from './layout.ts';
import { readLeases } from './lease.ts';
import { objectPath } from './objects.ts';
import { fromText } from './raw-path.ts';
import type { StoredImage } from './record.ts';
import { readTree } from './tree.ts';
import type { Difference } from './verify.ts';
import { createWorkFolder } from './work-folder.ts';

/**
 * Takes a damaged image out of the store, and its damaged files, so that the next pull brings both anew. Its names stay.
 * @throws ImageError where somebody uses it
 */
export const discardImage = async (
  layout: StoreLayout,
  image: StoredImage,
  differences: readonly Difference[],
): Promise<void> => {
  claimStore(layout);
  const entry = dirname(image.root);
  const damaged = new Set(differences.map((one) => fromText(one.path)));
  const grave = await createWorkFolder(layout);
  const lock = await lockFile(layout.storeLock, {});
  try {
    if ((await readLeases(layout)).has(image.digest)) {
      throw new ImageError('failed', `${image.names[0] ?? image.digest} is in use: end what uses it first`);
    }
    // Where the list itself is damaged or missing, its files stay until no image has them.
    for (const file of readTree(join(entry, 'tree.gz'), image.tree) ?? []) {
      if (file.type === 'file' && damaged.has(file.path))
        rmSync(objectPath(layout.objects, file), { force: true });
    }
    renameSync(entry, join(grave.path, 'damaged'));
  } finally {
    lock.release();
    grave.remove();
  }
};
