import { storeLayout } from '../../images/layout.ts';
import { type PruneResult, pruneStore } from '../../images/prune.ts';
import type { CliContext } from '../context.ts';
import { formatBytes } from '../table.ts';
import { parseAge, type StoreFlags, storeFolder } from './options.ts';

export interface PruneFlags extends StoreFlags {
  readonly 'keep-unnamed'?: string | undefined;
  readonly forget?: readonly string[] | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const KEEP_UNNAMED = '7d';

export const pruneImages = async (context: CliContext, flags: PruneFlags): Promise<number> => {
  const result = await pruneStore(storeLayout(storeFolder(context, flags)), {
    keepUnnamedMs: parseAge('--keep-unnamed', flags['keep-unnamed'] ?? KEEP_UNNAMED),
    forget: [...new Set(flags.forget)],
    signal: context.signal,
    dryRun: flags['dry-run'] === true,
    now: context.date(),
  });
  if (flags.json) context.stdout.write(`${JSON.stringify(describe(result), null, 2)}\n`);
  else tell(context, result, flags['dry-run'] === true);
  return 0;
};

const describe = ({ removed, inUse, bytesFreed }: PruneResult) => ({
  removed: removed.map((image) => image.digest),
  inUse: inUse.map((image) => image.digest),
  bytesFreed,
});

const tell = ({ stdout }: CliContext, { removed, inUse, bytesFreed }: PruneResult, isDry: boolean): void => {
  for (const image of removed) {
    stdout.write(`${image.digest.slice(0, 19)} ${image.reference}: ${isDry ? 'would go' : 'removed'}\n`);
  }
  for (const image of inUse) stdout.write(`${image.digest.slice(0, 19)} ${image.reference}: stays, in use\n`);
  stdout.write(`${formatBytes(bytesFreed)} ${isDry ? 'would be freed' : 'freed'}\n`);
};
