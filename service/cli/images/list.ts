import { storeLayout } from '../../images/layout.ts';
import { readLeases } from '../../images/lease.ts';
import { openImageStore } from '../../images/store.ts';
import { lastWanted, measureUsage } from '../../images/usage.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, formatDuration, formatTable } from '../table.ts';
import { type StoreFlags, storeFolder } from './options.ts';

export interface ListFlags extends StoreFlags {
  readonly json?: boolean | undefined;
}

export const listImages = async (context: CliContext, flags: ListFlags): Promise<number> => {
  const folder = storeFolder(context, flags);
  const images = openImageStore(folder).list();
  const usage = measureUsage(images);
  let isHidden = false;
  const leased = await readLeases(storeLayout(folder), true, () => {
    isHidden = true;
  });
  const rows = images
    .map((image) => ({
      names: image.names,
      digest: image.digest,
      reference: image.reference,
      bytes: image.bytes,
      sharedBytes: usage.get(image.digest)?.sharedBytes ?? 0,
      files: image.files,
      createdAt: image.createdAt,
      lastWanted: lastWanted(image).toISOString(),
      inUse: isHidden ? null : leased.has(image.digest),
      root: image.root,
      damaged: image.damaged ?? false,
    }))
    .sort((a, b) => ((a.names[0] ?? '~') < (b.names[0] ?? '~') ? -1 : 1));
  if (flags.json) {
    context.stdout.write(`${JSON.stringify({ store: folder, images: rows }, null, 2)}\n`);
    return 0;
  }
  const now = context.date().getTime();
  const age = (time: string) => formatDuration(Math.max(now - Date.parse(time), 0));
  const head = ['name', 'digest', 'size', 'of which shared', 'age', 'in use'];
  const table = rows.map((row) => [
    row.names.join(' ') || '-',
    row.digest.slice(0, 19),
    formatBytes(row.bytes),
    formatBytes(row.sharedBytes),
    age(row.createdAt),
    row.damaged ? 'damaged' : row.inUse === null ? 'unknown' : row.inUse ? 'yes' : 'no',
  ]);
  if (table.length > 0) context.stdout.write(formatTable(head, table));
  else context.stdout.write(`There are no images in ${folder}. Bring some: paddock images pull\n`);
  return 0;
};
