import { readFile } from 'node:fs/promises';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import type { Encoding, SourceFile } from '../../contracts/execution.ts';
import { type CliContext, UsageError } from '../context.ts';
import { reasonOf } from '../service-options.ts';

export const encodeBytes = (bytes: Uint8Array): { content: string; encoding: Encoding } => {
  const buffer = Buffer.from(bytes);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer)
    ? { content: text, encoding: 'utf8' }
    : { content: buffer.toString('base64'), encoding: 'base64' };
};

export const decodeBytes = (content: string, encoding: Encoding): Buffer => Buffer.from(content, encoding);

/**
 * The program's files. Their names in the sandbox are relative to the folder of the first one; a file outside of that
 * folder keeps its own name only.
 */
export const readProgram = async (context: CliContext, paths: readonly string[]): Promise<SourceFile[]> => {
  const folder = dirname(resolve(context.cwd, paths[0] ?? ''));
  const files: SourceFile[] = [];
  for (const path of paths) {
    const absolute = resolve(context.cwd, path);
    const inside = relative(folder, absolute);
    const name = inside.startsWith('..') ? basename(absolute) : inside.split(sep).join('/');
    if (files.some((file) => file.name === name)) throw new UsageError(`two files would be named "${name}"`);
    files.push({ name, ...encodeBytes(await readInput(absolute, path)) });
  }
  return files;
};

/** Reads a file the user named; what is wrong with it is a mistake of the command line. */
export const readInput = async (absolute: string, named: string): Promise<Buffer> => {
  try {
    return await readFile(absolute);
  } catch (cause) {
    throw new UsageError(`cannot read ${named}: ${reasonOf(cause)}`);
  }
};

/** Standard input to its end. Whoever gave a pipe that stays open is told what is waited for. */
export const readStandardInput = async (context: CliContext): Promise<Buffer> => {
  const hint = setTimeout(() => {
    context.stderr.write('paddock: waiting for the end of standard input (--stdin /dev/null gives none)\n');
  }, 2_000);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of context.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(hint);
  }
};
