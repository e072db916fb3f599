import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { defaultStoreFolder } from '../../images/layout.ts';
import type { StoreOptions } from '../../images/store.ts';
import { type CliContext, CliError, UsageError } from '../context.ts';
import { parseCount, parseMegabytes, single } from '../option-values.ts';

export interface StoreFlags {
  readonly store?: string | undefined;
}

export interface LimitFlags {
  readonly 'max-size'?: string | undefined;
  readonly 'max-files'?: string | undefined;
}

export const withStore = <T>(argv: Argv<T>) =>
  argv.option('store', {
    type: 'string',
    requiresArg: true,
    describe: 'Folder of the images (or PADDOCK_IMAGE_STORE)',
    defaultDescription: '/var/lib/paddock/images as root, else ~/.local/share/paddock/images',
  });

export const withLimits = <T>(argv: Argv<T>) =>
  argv
    .option('max-size', {
      type: 'string',
      requiresArg: true,
      describe: 'Largest image, unpacked',
      defaultDescription: '8G',
    })
    .option('max-files', {
      type: 'string',
      requiresArg: true,
      describe: 'Most files of an image',
      defaultDescription: '1000000',
    });

export const storeFolder = (context: CliContext, flags: StoreFlags): string => {
  if (flags.store === undefined) return defaultStoreFolder(context.env, context.uid === 0);
  const folder = single('--store', flags.store);
  // As from a variable that is not set: the working folder is not what was meant.
  if (folder === '') throw new UsageError('--store is empty');
  return resolve(context.cwd, folder);
};

/** @param env variables beside those of the process, for skopeo */
export const storeOptions = (
  context: CliContext,
  flags: LimitFlags,
  env: Readonly<Record<string, string>> = {},
): StoreOptions => ({
  env: { ...context.env, ...env },
  date: context.date,
  limits: {
    ...(flags['max-size'] !== undefined && {
      bytes: parseMegabytes('--max-size', flags['max-size']) * 1024 ** 2,
    }),
    ...(flags['max-files'] !== undefined && { files: parseCount('--max-files', flags['max-files']) }),
  },
});

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `0`, `30m`, `12h`, `7d`. */
export const parseAge = (option: string, text: unknown): number => {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(single(option, text)) ?? [];
  if (count !== undefined) return Number(count) * (units[unit ?? ''] ?? 0);
  if (text === '0') return 0;
  throw new UsageError(`${option} "${text}" is not an age; it looks like 12h or 7d`);
};

const faultsOfFiles: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
  'EROFS',
  'ENOSPC',
  'ENOTDIR',
  'EISDIR',
  'ENOENT',
]);
const isString = (value: unknown): value is string => typeof value === 'string';

/** Runs a command whose faults are of images, and tells them as the command line tells faults. */
export const tellingFaults = async <T>(work: () => Promise<T>): Promise<T> => {
  const { ImageError } = await import('../../images/image-error.ts');
  try {
    return await work();
  } catch (error) {
    if (error instanceof ImageError && error.code === 'invalid') throw new UsageError(error.message);
    if (error instanceof ImageError) throw new CliError(error.message, 1, { cause: error });
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (error instanceof Error && isString(code) && faultsOfFiles.has(code)) {
      throw new CliError(`files cannot be read or written: ${error.message}`, 1, { cause: error });
    }
    throw error;
  }
};
