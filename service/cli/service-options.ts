import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { type CliContext, CliError, UsageError } from './context.ts';

/** The options of every command that talks to a running service. */
export const withServiceOptions = <T>(argv: Argv<T>) =>
  argv
    .option('url', {
      type: 'string',
      requiresArg: true,
      describe:
        'Where the service is (or PADDOCK_URL); for https, PADDOCK_TLS_CA is the file of its authority',
      defaultDescription: 'http://127.0.0.1:7070',
    })
    .option('token-file', {
      type: 'string',
      requiresArg: true,
      describe: 'File that holds the service token (or PADDOCK_TOKEN)',
    })
    .option('json', { type: 'boolean', describe: 'Answer as JSON, for machines' });

export interface ServiceOptions {
  url?: string;
  tokenFile?: string;
}

/** The service's base URL, without a trailing slash. */
export const serviceUrl = (context: Pick<CliContext, 'env'>, options: ServiceOptions): string => {
  const { env } = context;
  const given = options.url ?? env.PADDOCK_URL ?? `http://127.0.0.1:${env.PADDOCK_PORT || '7070'}`;
  if (typeof given !== 'string') throw new UsageError('give --url once');
  const url = URL.parse(given);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`"${given}" is not a URL of a service; it looks like http://127.0.0.1:7070`);
  }
  return url.href.replace(/\/+$/, '');
};

export const serviceToken = async (
  context: Pick<CliContext, 'env' | 'cwd'>,
  options: ServiceOptions,
): Promise<string | undefined> => {
  if (options.tokenFile === undefined) return context.env.PADDOCK_TOKEN || undefined;
  try {
    return (await readFile(resolve(context.cwd, options.tokenFile), 'utf8')).trim();
  } catch (cause) {
    throw new CliError(`cannot read the token file ${options.tokenFile}: ${reasonOf(cause)}`, 2, { cause });
  }
};

const plainReasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ELOOP: 'it is a link',
  EROFS: 'the file system is read-only',
};

/** Why a file operation failed, in plain words. */
export const reasonOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return plainReasons[code] ?? (error instanceof Error ? error.message : String(error));
};
