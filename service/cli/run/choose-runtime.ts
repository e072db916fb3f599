import { basename } from 'node:path';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { UsageError } from '../context.ts';

/**
 * The runtime for a file, by the longest matching extension: an available one first, and of several the newest version.
 */
export const chooseRuntime = (path: string, runtimes: readonly RuntimeInfo[]): RuntimeInfo => {
  // .C is not .c: only where no extension fits as it is written, case is left out of account.
  const exact = matching(basename(path), runtimes, (text) => text);
  const matches = exact.length > 0 ? exact : matching(basename(path), runtimes, (text) => text.toLowerCase());
  matches.sort(
    (a, b) =>
      b.length - a.length ||
      Number(b.runtime.available) - Number(a.runtime.available) ||
      b.runtime.version.localeCompare(a.runtime.version, 'en', { numeric: true }),
  );
  const best = matches[0]?.runtime;
  if (!best) throw new UsageError(unknownExtension(path, runtimes));
  if (!best.available) {
    throw new UsageError(
      `${best.name} is not available on this service: ${best.reason ?? 'no reason given'}`,
    );
  }
  return best;
};

const matching = (name: string, runtimes: readonly RuntimeInfo[], fold: (text: string) => string) =>
  runtimes.flatMap((runtime) => {
    const fitting = runtime.extensions.filter((extension) => fold(name).endsWith(fold(extension)));
    return fitting.length > 0 ? [{ runtime, length: Math.max(...fitting.map((ext) => ext.length)) }] : [];
  });

const unknownExtension = (path: string, runtimes: readonly RuntimeInfo[]): string => {
  const known = [...new Set(runtimes.filter((r) => r.available).flatMap((r) => r.extensions))].sort();
  return `cannot tell the language of ${basename(path)} by its extension; name it with --runtime.\nKnown extensions: ${known.join(' ') || 'none'}`;
};
