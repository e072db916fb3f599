import { PaddockError } from '../../contracts/errors.ts';
import type { ExecutionRequest } from '../../contracts/execution.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { type Catalogue, createCatalogue } from '../catalogue.ts';
import type { Member } from '../member.ts';

export type Asked = Pick<ExecutionRequest, 'runtime' | 'version' | 'capabilities'>;

/** What a request is to be run with, and where. */
export interface Route {
  /** undefined: an executor of one of the pools has to be there first, to tell. */
  readonly runtime: RuntimeInfo | undefined;
  /** The capabilities asked for, and those that the runtime needs itself. */
  readonly capabilities: readonly string[];
  /** undefined: wherever it can be run. */
  readonly pools: ReadonlySet<string> | undefined;
}

export interface Router {
  /** Throws what it is to be refused with: `no-capable-pool`, and all that a catalogue throws. */
  route(asked: Asked): Route;
}

/** Where all executors are there from the start, what they serve together is all there is. */
export const createFixedRouter = (
  catalogue: Catalogue,
  capable: (capabilities: readonly string[]) => boolean,
): Router => ({
  route({ runtime: name, version, capabilities }) {
    const runtime = catalogue.resolve(name, version);
    if (capabilities.length > 0 && !capable(capabilities)) throw noCapablePool(capabilities);
    return { runtime, capabilities, pools: undefined };
  },
});

const noCapablePool = (capabilities: readonly string[]): PaddockError =>
  new PaddockError('no-capable-pool', { detail: `No pool has all of: ${capabilities.join(', ')}` });

export interface PoolRouter extends Router {
  /** Takes over what the executors serve now; true where a pool serves something else than before. */
  update(members: Iterable<Member>): boolean;
}

const cacheSize = 1_000;

/**
 * Routes by pool. An execution goes to the pools with the fewest capabilities among those that have all it asks for, so
 * that rare hardware is kept for those who need it. A pool that never had an executor may serve anything, so an
 * execution that nothing better is known for waits for its first one.
 */
export const createPoolRouter = (
  specs: readonly PoolSpec[],
  /** Whether executors say that they have what no specification tells of. */
  capable: (capabilities: readonly string[]) => boolean,
): PoolRouter => {
  const served = createServed();
  let routes = new Map<string, Route>();

  const among = (group: readonly PoolSpec[], asked: Asked): Route | undefined => {
    const known = group.filter(({ name }) => served.has(name));
    const unknown = group.filter((pool) => !known.includes(pool));
    const runtime = resolveOrNothing(served.catalogue(known), asked);
    if (!runtime && unknown.length === 0) return undefined;
    const serving = runtime ? known.filter(({ name }) => served.serves(name, runtime)) : [];
    const pools = new Set([...serving, ...unknown].map(({ name }) => name));
    return { runtime, capabilities: asked.capabilities, pools };
  };

  const find = (asked: Asked): Route => {
    const { capabilities } = asked;
    const fitting = specs.filter((pool) => hasAll(pool.capabilities, capabilities));
    if (fitting.length === 0) {
      if (!capable(capabilities)) throw noCapablePool(capabilities);
      const runtime = served.catalogue(specs).resolve(asked.runtime, asked.version);
      return { runtime, capabilities, pools: undefined };
    }
    for (const group of byRarity(fitting)) {
      const found = among(group, asked);
      if (!found) continue;
      const needed = found.runtime?.capabilities ?? [];
      if (hasAll(capabilities, needed)) return found;
      return find({ ...asked, capabilities: [...new Set([...capabilities, ...needed])] });
    }
    // None of them serves it: the catalogue knows best why.
    const runtime = served.catalogue(fitting).resolve(asked.runtime, asked.version);
    return { runtime, capabilities, pools: new Set(fitting.map(({ name }) => name)) };
  };

  return {
    route(asked) {
      const key = JSON.stringify([asked.runtime, asked.version, asked.capabilities]);
      const kept = routes.get(key);
      if (kept) return kept;
      const route = find(asked);
      if (routes.size >= cacheSize) routes = new Map();
      routes.set(key, route);
      return route;
    },
    update(members) {
      if (!served.update(members)) return false;
      routes = new Map();
      return true;
    },
  };
};

const hasAll = (held: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((name) => held.includes(name));

/** Pools of as many capabilities together, the fewest first. */
const byRarity = (pools: readonly PoolSpec[]): PoolSpec[][] =>
  [...Map.groupBy(pools, ({ capabilities }) => new Set(capabilities).size)]
    .sort(([a], [b]) => a - b)
    .map(([, group]) => group);

const resolveOrNothing = (catalogue: Catalogue, { runtime, version }: Asked): RuntimeInfo | undefined => {
  try {
    return catalogue.resolve(runtime, version);
  } catch (error) {
    if (error instanceof PaddockError) return undefined;
    throw error;
  }
};

interface Served {
  /** Whether any executor of the pool has ever said what it serves. */
  has(pool: string): boolean;
  serves(pool: string, runtime: RuntimeInfo): boolean;
  /** What these pools serve together. */
  catalogue(pools: readonly PoolSpec[]): Catalogue;
  update(members: Iterable<Member>): boolean;
}

interface PoolRuntimes {
  /** What the executors said, one list each; a list is the same object until its executor says another. */
  readonly lists: ReadonlySet<readonly RuntimeInfo[]>;
  readonly runtimes: readonly RuntimeInfo[];
  readonly text: string;
}

/** What each pool serves, as its executors say; it outlives them. */
const createServed = (): Served => {
  const pools = new Map<string, PoolRuntimes>();
  let catalogues = new Map<string, Catalogue>();
  const texts = new WeakMap<readonly RuntimeInfo[], string>();
  const textOf = (list: readonly RuntimeInfo[]): string => {
    const known = texts.get(list);
    if (known !== undefined) return known;
    const text = JSON.stringify(list);
    texts.set(list, text);
    return text;
  };

  const take = (pool: string, lists: ReadonlySet<readonly RuntimeInfo[]>): boolean => {
    const before = pools.get(pool);
    if (before && isSameSet(before.lists, lists)) return false;
    // Executors of a pool mostly say the same, so a thousand of them are told apart by text.
    const distinct = new Map([...lists].map((list) => [textOf(list), list]));
    const text = [...distinct.keys()].sort().join('\n');
    pools.set(pool, { lists, runtimes: [...distinct.values()].flat(), text });
    return text !== before?.text;
  };

  return {
    has: (pool) => pools.has(pool),
    serves: (pool, { name, version }) =>
      pools
        .get(pool)
        ?.runtimes.some(
          (runtime) => runtime.available && runtime.name === name && runtime.version === version,
        ) ?? false,
    catalogue(specs) {
      const key = specs.map(({ name }) => name).join(' ');
      const kept = catalogues.get(key);
      if (kept) return kept;
      const made = createCatalogue();
      made.update(specs.flatMap(({ name }) => pools.get(name)?.runtimes ?? []));
      catalogues.set(key, made);
      return made;
    },
    update(members) {
      const found = new Map<string, Set<readonly RuntimeInfo[]>>();
      for (const { address, status } of members) {
        // One that starts may not know all of them yet.
        if (!status || status.state === 'starting' || status.runtimes.length === 0) continue;
        const lists = found.get(address.pool);
        if (lists) lists.add(status.runtimes);
        else found.set(address.pool, new Set([status.runtimes]));
      }
      let changed = false;
      for (const [pool, lists] of found) changed = take(pool, lists) || changed;
      if (changed) catalogues = new Map();
      return changed;
    },
  };
};

/** Whether both hold the same, in whatever order. */
export const isSameSet = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean =>
  a.size === b.size && [...a].every((item) => b.has(item));
