import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileNameSchema, type OutputFile } from '../../contracts/execution.ts';
import { type CliContext, CliError } from '../context.ts';
import { reasonOf } from '../service-options.ts';
import { formatBytes } from '../table.ts';
import { decodeBytes } from './program-files.ts';

/**
 * Writes the files that came back below `folder` and never anywhere else: their names were chosen by the program, so
 * each is checked again here, and links on the way are not followed.
 */
export const saveOutputs = async (
  context: CliContext,
  outputs: readonly OutputFile[],
  folder: string,
): Promise<void> => {
  const root = resolve(context.cwd, folder);
  for (const output of outputs) {
    if (!fileNameSchema.safeParse(output.name).success) {
      throw new CliError(`refusing to save a file under the name ${JSON.stringify(output.name)}`, 125);
    }
    const target = join(root, output.name);
    try {
      await saveBelow(root, target, decodeBytes(output.content, output.encoding));
    } catch (cause) {
      throw new CliError(`cannot save ${target}: ${reasonOf(cause)}`, 125, { cause });
    }
    context.stderr.write(`saved ${join(folder, output.name)} (${formatBytes(output.size)})\n`);
  }
};

const saveBelow = async (root: string, target: string, content: Buffer): Promise<void> => {
  await mkdir(root, { recursive: true });
  const realRoot = await realpath(root);
  await makeFolders(root, dirname(target), realRoot);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  await using file = await open(target, flags, 0o644);
  await file.writeFile(content);
};

/** Like mkdir -p, one level at a time, so that a link that leads out is seen before anything is made behind it. */
const makeFolders = async (root: string, folder: string, realRoot: string): Promise<void> => {
  let current = root;
  for (const segment of folder.slice(root.length).split(sep).filter(Boolean)) {
    current = join(current, segment);
    await mkdir(current).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
    const real = await realpath(current);
    if (!`${real}${sep}`.startsWith(`${realRoot.replace(/\/$/, '')}${sep}`)) {
      throw new Error('a link there leads out of the folder');
    }
  }
};
