import { LRUCache } from 'lru-cache';
import type { CompileCacheStatus, CompileStage } from '../../contracts/index.ts';
import type { PlacedFile } from '../sandbox/port.ts';

/** What a successful compilation left. Nothing of it is ever changed or lent out for writing. */
export interface Compiled {
  readonly stage: CompileStage;
  readonly files: readonly PlacedFile[];
}

export interface CompileCache {
  /**
   * The kept result of the tenant, or that of `compile`. Equal compilations at the same time wait for the first of
   * them; where that comes to nothing each goes on alone.
   * @param compile is called once at most; only what is `ok` is kept
   */
  through(tenant: string, key: string, compile: () => Promise<Compiled>, signal: AbortSignal): Promise<Found>;
  status(): CompileCacheStatus;
}

export interface Found extends Compiled {
  readonly spared: boolean;
}

/** One program may take this part of everything at most: it would push out too many others. */
const LARGEST_SHARE = 1 / 8;
/** What an entry costs besides its bytes, rather too much: key, lists, objects. Bounds the number of small ones. */
const ENTRY_BYTES = 2_048;
const FILE_BYTES = 256;
const BYTES_PER_CHARACTER = 2;

const sizeOf = ({ stage, files }: Compiled): number => {
  const text = stage.stdout.length + stage.stderr.length + (stage.message?.length ?? 0);
  const filesBytes = files.reduce(
    (sum, { name, content }) => sum + content.length + name.length * BYTES_PER_CHARACTER + FILE_BYTES,
    0,
  );
  return ENTRY_BYTES + text * BYTES_PER_CHARACTER + filesBytes;
};

/** A small Buffer is a view of a block that it shares: kept as it is, it would hold the whole block. */
const owned = (files: readonly PlacedFile[]): PlacedFile[] =>
  files.map((file) => {
    const content = Buffer.allocUnsafeSlow(file.content.length);
    file.content.copy(content);
    return { ...file, content };
  });

type Shelf = LRUCache<string, Compiled>;

/**
 * Kept results, each tenant's on a shelf of its own. Where all together are too much, the longest unused of whoever
 * holds most goes: so one tenant may use everything that nobody else needs, and can push out another's only as long as
 * that one holds more than itself.
 */
const createShelves = (budgetBytes: number) => {
  const shelves = new Map<string, Shelf>();
  const bytes = (): number => [...shelves.values()].reduce((sum, shelf) => sum + shelf.calculatedSize, 0);
  const largest = (): [string, Shelf] | undefined => {
    let found: [string, Shelf] | undefined;
    for (const entry of shelves) {
      if (!found || entry[1].calculatedSize > found[1].calculatedSize) found = entry;
    }
    return found;
  };
  const shrink = (): void => {
    for (let left = bytes(); left > budgetBytes; left = bytes()) {
      const [tenant, shelf] = largest() ?? [];
      if (tenant === undefined || !shelf) return;
      shelf.pop();
      if (shelf.size === 0) shelves.delete(tenant);
    }
  };
  return {
    get: (tenant: string, key: string): Compiled | undefined => shelves.get(tenant)?.get(key),
    keep(tenant: string, key: string, compiled: Compiled): void {
      const size = sizeOf(compiled);
      if (size > budgetBytes * LARGEST_SHARE) return;
      const shelf = shelves.get(tenant) ?? new LRUCache<string, Compiled>({ maxSize: budgetBytes });
      shelves.set(tenant, shelf);
      shelf.set(key, { stage: compiled.stage, files: owned(compiled.files) }, { size });
      shrink();
    },
    bytes,
    entries: (): number => [...shelves.values()].reduce((sum, shelf) => sum + shelf.size, 0),
  };
};

/** Settles with `undefined` where the signal ends the waiting: the caller looks at its signal anyway. */
const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  if (signal.aborted) return Promise.resolve(undefined);
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
};

/** In memory and gone with its executor. @param budgetBytes for all tenants together */
export const createCompileCache = (budgetBytes: number): CompileCache => {
  const shelves = createShelves(budgetBytes);
  const underway = new Map<string, Promise<Compiled | undefined>>();
  let hits = 0;
  let misses = 0;

  const lead = (
    name: string,
    tenant: string,
    key: string,
    compile: () => Promise<Compiled>,
  ): Promise<Compiled> => {
    const own = compile().then((compiled) => {
      if (compiled.stage.outcome === 'ok') shelves.keep(tenant, key, compiled);
      return compiled;
    });
    // Those who wait hear of a success only: a failure may be this caller's own (gone away, no sandbox to be had).
    const told = own.then(
      (compiled) => (compiled.stage.outcome === 'ok' ? compiled : undefined),
      () => undefined,
    );
    if (!underway.has(name)) {
      underway.set(name, told);
      void told.then(() => underway.delete(name));
    }
    return own;
  };

  return {
    async through(tenant, key, compile, signal) {
      const name = JSON.stringify([tenant, key]);
      const joined = underway.get(name);
      const found = shelves.get(tenant, key) ?? (joined && (await orAborted(joined, signal)));
      if (found) {
        hits += 1;
        return { ...found, spared: true };
      }
      misses += 1;
      return { ...(await lead(name, tenant, key, compile)), spared: false };
    },
    status: () => ({ hits, misses, entries: shelves.entries(), bytes: shelves.bytes(), budgetBytes }),
  };
};
