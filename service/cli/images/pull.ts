import { resolve } from 'node:path';
import { ImageError } from '../../images/image-error.ts';
import { isImageName } from '../../images/layout.ts';
import { readPins } from '../../images/pins.ts';
import { parseReference } from '../../images/reference.ts';
import { openImageStore, type PullResult } from '../../images/store.ts';
import { type CliContext, UsageError } from '../context.ts';
import { single } from '../option-values.ts';
import { formatBytes, formatDuration } from '../table.ts';
import { startImageBar } from './image-bar.ts';
import { type LimitFlags, type StoreFlags, storeFolder, storeOptions } from './options.ts';

export interface PullFlags extends StoreFlags, LimitFlags {
  readonly images?: readonly string[] | undefined;
  readonly pins?: string | undefined;
  readonly authfile?: string | undefined;
  readonly 'registries-conf'?: string | undefined;
  readonly json?: boolean | undefined;
}

interface Wanted {
  readonly name: string;
  readonly reference: string;
}

/** skopeo reads these variables itself; an option comes before them. */
const skopeoVariables = (context: CliContext, flags: PullFlags): Record<string, string> => {
  const path = (option: string, value: string) => resolve(context.cwd, single(option, value));
  return {
    ...(flags.authfile !== undefined && { REGISTRY_AUTH_FILE: path('--authfile', flags.authfile) }),
    ...(flags['registries-conf'] !== undefined && {
      CONTAINERS_REGISTRIES_CONF: path('--registries-conf', flags['registries-conf']),
    }),
  };
};

/** `NAME=REFERENCE` says where from; a name alone, or nothing, goes by the file of pins. */
const chooseImages = (context: CliContext, flags: PullFlags): Wanted[] => {
  const given = flags.images ?? [];
  const isExplicit = (text: string) => text.includes('=');
  const explicit = given.filter(isExplicit).map((text) => {
    const at = text.indexOf('=');
    const [name, reference] = [text.slice(0, at), text.slice(at + 1)];
    if (!isImageName(name)) throw new UsageError(`"${name}" is not a name for an image`);
    return { name, reference };
  });
  const named = given.filter((text) => !isExplicit(text));
  if (given.length > 0 && named.length === 0) return explicit;
  const file = flags.pins === undefined ? context.env.PADDOCK_IMAGES_FILE : single('--pins', flags.pins);
  if (!file) {
    throw new UsageError('which images? Give NAME=REFERENCE, or a file with --pins or PADDOCK_IMAGES_FILE');
  }
  const pinned = readPins(resolve(context.cwd, file)).images;
  if (named.length === 0 && Object.keys(pinned).length === 0) throw new UsageError(`${file} names no image`);
  const fromFile = (named.length > 0 ? named : Object.keys(pinned)).map((name) => {
    const reference = pinned[name];
    if (reference === undefined) throw new UsageError(`${file} has no image named ${name}`);
    return { name, reference };
  });
  return [...explicit, ...fromFile];
};

/** @returns the exit code: 1 where an image could not be had. The others are pulled nevertheless. */
export const pullImages = async (context: CliContext, flags: PullFlags): Promise<number> => {
  const wanted = chooseImages(context, flags).map((one) => ({
    ...one,
    source: parseReference(one.reference, context.cwd),
  }));
  const options = storeOptions(context, flags, skopeoVariables(context, flags));
  const store = openImageStore(storeFolder(context, flags), options);
  const reports: object[] = [];
  let failed = 0;
  for (const { name, source } of wanted) {
    const started = context.now();
    const bar = startImageBar(context, name);
    try {
      const onProgress = bar.show;
      const result = await store.pull(source, { name, signal: context.signal, onProgress });
      bar.stop();
      reports.push({ name, ...describe(result) });
      const isPinned = source.kind !== 'registry' || source.digest !== undefined;
      if (!flags.json) tell(context, name, result, isPinned, context.now() - started);
    } catch (error) {
      bar.stop();
      if (!(error instanceof ImageError) || error.code === 'tool-missing') throw error;
      failed++;
      reports.push({ name, error: { code: error.code, message: error.message } });
      context.stderr.write(`paddock: ${name}: ${error.message}\n`);
    }
  }
  if (flags.json) context.stdout.write(`${JSON.stringify({ images: reports }, null, 2)}\n`);
  return failed > 0 ? 1 : 0;
};

const describe = ({ image, pin, unchanged }: PullResult) => ({
  digest: image.digest,
  ...(pin !== undefined && { pin }),
  unchanged,
  bytes: image.bytes,
  root: image.root,
});

const tell = (
  { stdout }: CliContext,
  name: string,
  { image, pin, unchanged }: PullResult,
  isPinned: boolean,
  milliseconds: number,
): void => {
  const what = unchanged ? 'unchanged' : `${formatBytes(image.bytes)} in ${formatDuration(milliseconds)}`;
  stdout.write(`${name}: ${image.digest.slice(0, 19)} ${what}\n`);
  if (!isPinned && pin !== undefined) stdout.write(`  pin it: ${name}: ${pin}\n`);
};
