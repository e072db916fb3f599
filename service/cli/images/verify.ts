import { discardImage } from '../../images/discard.ts';
import { storeLayout } from '../../images/layout.ts';
import { openImageStore, type StoredImage } from '../../images/store.ts';
import { type Difference, verifyImage } from '../../images/verify.ts';
import { type CliContext, CliError } from '../context.ts';
import { startImageBar } from './image-bar.ts';
import { type StoreFlags, storeFolder } from './options.ts';

export interface VerifyFlags extends StoreFlags {
  readonly names?: readonly string[] | undefined;
  readonly remove?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const labelOf = (image: StoredImage): string => image.names[0] ?? image.digest.slice(0, 19);

/** @returns the exit code: 1 where something is not as it was stored */
export const verifyImages = async (context: CliContext, flags: VerifyFlags): Promise<number> => {
  const folder = storeFolder(context, flags);
  const store = openImageStore(folder);
  const images = flags.names?.length
    ? flags.names.map((name) => {
        const image = store.find(name);
        if (image === undefined) throw new CliError(`there is no image ${name} in ${folder}`);
        return image;
      })
    : store.list();
  const reports: { image: StoredImage; differences: Difference[] }[] = [];
  for (const image of images) {
    const bar = startImageBar(context, labelOf(image));
    const onFile = (done: number, total: number) => bar.show({ stage: 'verify', done, total });
    const differences = await verifyImage(image, onFile, context.signal).finally(bar.stop);
    reports.push({ image, differences });
    if (!flags.json) tell(context, image, differences);
  }
  const damaged = reports.filter((report) => report.differences.length > 0);
  if (flags.remove) {
    for (const { image, differences } of damaged) {
      await discardImage(storeLayout(folder), image, differences);
      context.stderr.write(`${labelOf(image)} is removed: pull it again\n`);
    }
  }
  if (flags.json) {
    const answer = reports.map(({ image, differences }) => ({
      names: image.names,
      digest: image.digest,
      differences,
    }));
    context.stdout.write(`${JSON.stringify({ ok: damaged.length === 0, images: answer }, null, 2)}\n`);
  }
  return damaged.length > 0 ? 1 : 0;
};

const tell = ({ stdout }: CliContext, image: StoredImage, differences: readonly Difference[]): void => {
  if (differences.length === 0)
    stdout.write(`${labelOf(image)}: ${image.files} files, as they were stored\n`);
  for (const { path, what } of differences) {
    stdout.write(`${labelOf(image)}: ${path === '' ? '' : `/${path} `}${what}\n`);
  }
};
