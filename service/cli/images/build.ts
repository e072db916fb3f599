import { join, resolve } from 'node:path';
import { buildImage, builtName, listBuildable, pushImage } from '../../images/build.ts';
import { ImageError } from '../../images/image-error.ts';
import { writePins } from '../../images/pins.ts';
import { type ImageStore, openImageStore } from '../../images/store.ts';
import { type CliContext, UsageError } from '../context.ts';
import { single } from '../option-values.ts';
import { formatBytes, formatDuration } from '../table.ts';
import { startImageBar } from './image-bar.ts';
import { type LimitFlags, type StoreFlags, storeFolder, storeOptions } from './options.ts';

export interface BuildFlags extends StoreFlags, LimitFlags {
  readonly names?: readonly string[] | undefined;
  readonly images?: string | undefined;
  readonly base?: string | undefined;
  readonly push?: string | undefined;
  readonly pins?: string | undefined;
}

/** @returns the exit code: 1 where one failed. The others are built nevertheless. */
export const buildImages = async (context: CliContext, flags: BuildFlags): Promise<number> => {
  if (flags.pins !== undefined && flags.push === undefined) {
    throw new UsageError('--pins needs --push: a digest to pin is one in a registry');
  }
  // A build may take minutes: whether its pin can be written shows before.
  if (flags.pins !== undefined) await writePins(pinsFile(context, flags.pins), {});
  const folder =
    flags.images === undefined
      ? join(context.projectRoot, 'images')
      : resolve(context.cwd, single('--images', flags.images));
  const buildable = listBuildable(folder);
  const names = flags.names?.length ? [...new Set(flags.names)] : buildable;
  const unknown = names.filter((name) => !buildable.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`there is no Containerfile for ${unknown.join(', ')} in ${folder}`);
  }
  if (names.length === 0) throw new UsageError(`there is no Containerfile in ${folder}`);
  const store = openImageStore(storeFolder(context, flags), storeOptions(context, flags));
  let failed = 0;
  for (const name of names) {
    try {
      await buildOne(context, flags, store, folder, name);
    } catch (error) {
      if (!(error instanceof ImageError) || error.code === 'tool-missing') throw error;
      failed++;
      context.stderr.write(`paddock: ${error.message}\n`);
    }
  }
  return failed > 0 ? 1 : 0;
};

const pinsFile = (context: CliContext, pins: string): string => resolve(context.cwd, single('--pins', pins));

const buildOne = async (
  context: CliContext,
  flags: BuildFlags,
  store: ImageStore,
  images: string,
  name: string,
): Promise<void> => {
  const started = context.now();
  const { signal, env } = context;
  const bar = startImageBar(context, name);
  try {
    const base = flags.base === undefined ? undefined : single('--base', flags.base);
    await buildImage({ name, images, base, env, signal, onLine: bar.say });
    const pushed =
      flags.push === undefined
        ? undefined
        : await pushImage(name, single('--push', flags.push), { env, signal });
    const source = { kind: 'built', name: builtName(name) } as const;
    const { image, unchanged } = await store.pull(source, {
      name,
      knownAs: pushed,
      signal,
      onProgress: bar.show,
    });
    bar.stop();
    const time = formatDuration(context.now() - started);
    const what = unchanged ? 'unchanged' : formatBytes(image.bytes);
    context.stdout.write(`${name}: ${image.digest.slice(0, 19)} ${what} in ${time}\n`);
    if (pushed === undefined) return;
    context.stdout.write(`  pin it: ${name}: ${pushed.reference}\n`);
    if (flags.pins !== undefined) {
      await writePins(pinsFile(context, flags.pins), { [name]: pushed.reference });
    }
  } finally {
    bar.stop();
  }
};
