import semver from 'semver';
import { PaddockError } from '../contracts/errors.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { nearestNames } from './nearest.ts';

export interface Catalogue {
  list(): readonly RuntimeInfo[];
  /** The highest available version that fits; throws `unknown-runtime`, `unknown-version`, `runtime-unavailable`. */
  resolve(name: string, version: string | undefined): RuntimeInfo;
  /** Takes over what the executors serve together. An empty list leaves it as it was: they are being restarted. */
  update(runtimes: Iterable<RuntimeInfo>): void;
}

const cacheSize = 1_000;

export const createCatalogue = (): Catalogue => {
  let runtimes: RuntimeInfo[] = [];
  let byName = new Map<string, RuntimeInfo[]>();
  let resolved = new Map<string, RuntimeInfo>();

  return {
    list: () => runtimes,
    resolve(name, version) {
      const key = `${name}\n${version ?? ''}`;
      const cached = resolved.get(key);
      if (cached) return cached;
      if (runtimes.length === 0) {
        throw new PaddockError('no-executor', { detail: 'No executor has joined yet', retryAfterMs: 1_000 });
      }
      const candidates = byName.get(name) ?? byName.get(name.toLowerCase());
      if (!candidates) {
        throw new PaddockError('unknown-runtime', {
          detail: `There is no runtime "${name}"`,
          nearest: nearestNames(name, runtimes),
        });
      }
      const found = highest(name, candidates, version);
      if (resolved.size >= cacheSize) resolved = new Map();
      resolved.set(key, found);
      return found;
    },
    update(found) {
      const merged = merge(found);
      if (merged.length === 0) return;
      runtimes = merged;
      byName = index(merged);
      resolved = new Map();
    },
  };
};

/** One entry for a name and version; one that is available somewhere is available. */
const merge = (found: Iterable<RuntimeInfo>): RuntimeInfo[] => {
  const merged = new Map<string, RuntimeInfo>();
  for (const runtime of found) {
    const key = `${runtime.name}@${runtime.version}`;
    if (!merged.get(key)?.available) merged.set(key, runtime);
  }
  return [...merged.values()].sort((a, b) => a.name.localeCompare(b.name) || byVersion(b, a));
};

const index = (runtimes: readonly RuntimeInfo[]): Map<string, RuntimeInfo[]> => {
  const byName = new Map<string, RuntimeInfo[]>();
  const add = (name: string, runtime: RuntimeInfo): void => {
    const same = byName.get(name);
    if (!same) byName.set(name, [runtime]);
    else if (!same.includes(runtime)) same.push(runtime);
  };
  for (const runtime of runtimes) add(runtime.name.toLowerCase(), runtime);
  const names = new Set(byName.keys());
  for (const runtime of runtimes) {
    // A name wins over another runtime's alias of the same spelling.
    for (const alias of runtime.aliases)
      if (!names.has(alias.toLowerCase())) add(alias.toLowerCase(), runtime);
  }
  return byName;
};

const coerced = (version: string): string => semver.coerce(version)?.version ?? '0.0.0';
const byVersion = (a: RuntimeInfo, b: RuntimeInfo): number =>
  semver.compare(coerced(a.version), coerced(b.version)) || a.version.localeCompare(b.version);

const fits = (runtime: RuntimeInfo, wanted: string): boolean =>
  runtime.version === wanted ||
  (semver.validRange(wanted) !== null && semver.satisfies(coerced(runtime.version), wanted));

const highest = (name: string, candidates: RuntimeInfo[], version: string | undefined): RuntimeInfo => {
  const wanted = version === undefined || version === 'latest' ? '*' : version;
  const fitting = wanted === '*' ? candidates : candidates.filter((runtime) => fits(runtime, wanted));
  const exact = fitting.filter((runtime) => runtime.version === wanted);
  const sorted = (exact.length > 0 ? exact : fitting).toSorted(byVersion);
  const found = sorted.findLast((runtime) => runtime.available);
  if (found) return found;
  const unavailable = sorted.at(-1);
  if (unavailable) {
    throw new PaddockError('runtime-unavailable', {
      detail: `${unavailable.title} is not available here: ${unavailable.reason ?? 'no reason is known'}`,
    });
  }
  throw new PaddockError('unknown-version', {
    detail: `No version of ${name} fits "${version}"`,
    nearest: candidates
      .toSorted(byVersion)
      .reverse()
      .map((runtime) => runtime.version)
      .slice(0, 5),
  });
};
