import { basename } from 'node:path';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { UsageError } from '../context.ts';

/**
 * The runtime for a file, by the longest matching extension: an available one first, and of several the newest version.
 */
export const chooseRuntime = (path: string, runtimes: readonly RuntimeInfo[]): RuntimeInfo => {
  const name = basename(path).toLowerCase();
  const matches = runtimes.flatMap((runtime) => {
    const length = Math.max(
      0,
      ...runtime.extensions.filter((ext) => name.endsWith(ext.toLowerCase())).map((ext) => ext.length),
    );
    return length > 0 ? [{ runtime, length }] : [];
  });
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

const unknownExtension = (path: string, runtimes: readonly RuntimeInfo[]): string => {
  const known = [...new Set(runtimes.filter((r) => r.available).flatMap((r) => r.extensions))].sort();
  return `cannot tell the language of ${basename(path)} by its extension; name it with --runtime.\nKnown extensions: ${known.join(' ') || 'none'}`;
};
