import { PaddockError, type WarmStatus } from '../contracts/index.ts';
import type { Sandbox, SandboxMaker, SandboxSpec } from './sandbox/port.ts';

/** A kind of sandbox that is kept ready. */
export interface WarmKind {
  readonly spec: SandboxSpec;
  readonly runtime: string;
  readonly version: string;
  readonly stage: 'compile' | 'run';
  /** What one waiting is reckoned to cost of the budget. */
  readonly memoryMb: number;
  /** How long one takes to make, a first guess, in ms. */
  readonly startMs: number;
}

export interface WarmSetConfig {
  readonly maker: SandboxMaker;
  readonly budgetMb: number;
  /** Sandboxes made at the same time: more than there are cores only slows all of them. */
  readonly makersAtOnce: number;
  readonly mostPerKind: number;
  readonly onFault: (runtime: string, error: Error) => void;
  readonly now: () => number;
}

export interface Taken {
  readonly sandbox: Sandbox;
  /** True where it had been made ahead. */
  readonly warm: boolean;
}

export interface WarmSet {
  keep(kind: WarmKind): void;
  /**
   * A ready sandbox at once, or the next one made.
   * @throws where it cannot be made; PaddockError client-closed on abort, shutting-down once closed
   */
  take(spec: SandboxSpec, signal?: AbortSignal): Promise<Taken>;
  status(): WarmStatus[];
  counters(): { created: number; failed: number; hits: number; misses: number; warmMb: number };
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (taken: Taken) => void;
  readonly reject: (error: Error) => void;
}

interface Shelf {
  readonly spec: SandboxSpec;
  readonly kinds: WarmKind[];
  readonly ready: Sandbox[];
  readonly waiters: Waiter[];
  making: number;
  target: number;
  /** Arrivals a second: rises at once, falls slowly. */
  rate: number;
  arrivals: number;
  startMs: number;
  failures: number;
  notBefore: number;
}

const TICK_MS = 1_000;
const RATE_DECAY = 0.95;
const MAX_BACKOFF_MS = 30_000;
/** How many that are taken during the making of one are made ahead: bursts are not evenly spread. */
const HEADROOM = 2;
const COLD_MEMORY_MB = 2;

const newShelf = (spec: SandboxSpec): Shelf => ({
  spec,
  kinds: [],
  ready: [],
  waiters: [],
  making: 0,
  target: 0,
  rate: 0,
  arrivals: 0,
  startMs: 50,
  failures: 0,
  notBefore: 0,
});

const costOf = (shelf: Shelf): number =>
  Math.max(COLD_MEMORY_MB, ...shelf.kinds.map((kind) => kind.memoryMb));

/**
 * One of each kind first, then by demand: what is expected to be taken while one is being made, as far as the budget
 * reaches, the busiest first.
 */
const setTargets = (shelves: Iterable<Shelf>, budgetMb: number, most: number): void => {
  let left = budgetMb;
  const kept = [...shelves].filter((shelf) => shelf.kinds.length > 0).sort((a, b) => b.rate - a.rate);
  for (const shelf of kept) {
    shelf.target = costOf(shelf) <= left ? 1 : 0;
    left -= shelf.target * costOf(shelf);
  }
  for (const shelf of kept) {
    const wanted =
      Math.min(most, 1 + Math.ceil((shelf.rate * shelf.startMs * HEADROOM) / 1_000)) - shelf.target;
    const more = Math.max(0, Math.min(wanted, Math.floor(left / costOf(shelf))));
    shelf.target += more;
    left -= more * costOf(shelf);
  }
};

export const createWarmSet = (config: WarmSetConfig): WarmSet => {
  const shelves = new Map<string, Shelf>();
  const counts = { created: 0, failed: 0, hits: 0, misses: 0 };
  const ending = new AbortController();
  const inMaking = new Set<Promise<void>>();
  let making = 0;

  const shelfOf = (spec: SandboxSpec): Shelf => {
    let shelf = shelves.get(spec.key);
    if (!shelf) {
      shelf = newShelf(spec);
      shelves.set(spec.key, shelf);
    }
    return shelf;
  };

  const report = (shelf: Shelf, error: Error): void =>
    config.onFault(shelf.kinds[0]?.runtime ?? 'plain', error);

  /** Nobody waits for it, so a fault in it has nobody else to go to. */
  const discard = (shelf: Shelf, sandbox: Sandbox): Promise<void> =>
    sandbox.destroy().catch((error: Error) => report(shelf, error));

  /** A shelf that nothing is kept on lasts as long as somebody waits for it. */
  const forgetIfIdle = (shelf: Shelf): void => {
    if (shelf.kinds.length === 0 && shelf.waiters.length === 0 && shelf.making === 0)
      shelves.delete(shelf.spec.key);
  };

  /** Somebody waiting goes before any stock; then the shelf that is emptiest against its target. */
  const neediest = (): Shelf | undefined => {
    let best: Shelf | undefined;
    let bestFill = 1;
    const now = config.now();
    for (const shelf of shelves.values()) {
      if (shelf.waiters.length > shelf.making) return shelf;
      if (shelf.target === 0 || shelf.notBefore > now) continue;
      const fill = (shelf.ready.length + shelf.making) / shelf.target;
      if (fill < bestFill) {
        best = shelf;
        bestFill = fill;
      }
    }
    return best;
  };

  const place = (shelf: Shelf, sandbox: Sandbox): void => {
    const waiter = shelf.waiters.shift();
    if (waiter) {
      waiter.resolve({ sandbox, warm: false });
      return;
    }
    if (ending.signal.aborted || shelf.kinds.length === 0) {
      void discard(shelf, sandbox);
      return;
    }
    shelf.ready.push(sandbox);
    void sandbox.dead.then(() => {
      const at = shelf.ready.indexOf(sandbox);
      if (at < 0) return;
      shelf.ready.splice(at, 1); // died waiting: never handed out, replaced
      void discard(shelf, sandbox);
      fill();
    });
  };

  const failed = (shelf: Shelf, error: Error): void => {
    counts.failed += 1;
    shelf.failures += 1;
    shelf.notBefore = config.now() + Math.min(MAX_BACKOFF_MS, 100 * 2 ** shelf.failures);
    shelf.waiters.shift()?.reject(error);
    if (!ending.signal.aborted) report(shelf, error);
  };

  const make = async (shelf: Shelf): Promise<void> => {
    making += 1;
    shelf.making += 1;
    const started = config.now();
    try {
      const sandbox = await config.maker.create(shelf.spec, ending.signal);
      counts.created += 1;
      shelf.failures = 0;
      shelf.startMs = shelf.startMs * 0.8 + (config.now() - started) * 0.2;
      place(shelf, sandbox);
    } catch (error) {
      failed(shelf, error as Error);
    } finally {
      making -= 1;
      shelf.making -= 1;
      forgetIfIdle(shelf);
      fill();
    }
  };

  const fill = (): void => {
    while (making < config.makersAtOnce && !ending.signal.aborted) {
      const shelf = neediest();
      if (!shelf) return;
      const made = make(shelf).finally(() => inMaking.delete(made));
      inMaking.add(made);
    }
  };

  const tick = (): void => {
    for (const shelf of shelves.values()) {
      shelf.rate = Math.max((shelf.arrivals * 1_000) / TICK_MS, shelf.rate * RATE_DECAY);
      if (shelf.rate < 0.01) shelf.rate = 0;
      shelf.arrivals = 0;
    }
    setTargets(shelves.values(), config.budgetMb, config.mostPerKind);
    for (const shelf of shelves.values()) {
      for (const sandbox of shelf.ready.splice(shelf.target)) void discard(shelf, sandbox);
    }
    fill();
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();

  return {
    keep(kind) {
      const shelf = shelfOf(kind.spec);
      if (shelf.kinds.length === 0) shelf.startMs = kind.startMs;
      shelf.kinds.push(kind);
      setTargets(shelves.values(), config.budgetMb, config.mostPerKind);
      fill();
    },
    take(spec, signal) {
      if (ending.signal.aborted) return Promise.reject(new PaddockError('shutting-down'));
      if (signal?.aborted) return Promise.reject(new PaddockError('client-closed'));
      const shelf = shelfOf(spec);
      shelf.arrivals += 1;
      const sandbox = shelf.ready.shift();
      if (sandbox) {
        counts.hits += 1;
        // After the request's own work of this turn, not before it.
        setImmediate(fill);
        return Promise.resolve({ sandbox, warm: true });
      }
      counts.misses += 1;
      return new Promise<Taken>((resolve, reject) => {
        const waiter: Waiter = { resolve, reject };
        shelf.waiters.push(waiter);
        signal?.addEventListener('abort', () => {
          const at = shelf.waiters.indexOf(waiter);
          if (at < 0) return;
          shelf.waiters.splice(at, 1);
          forgetIfIdle(shelf);
          reject(new PaddockError('client-closed'));
        });
        fill();
      });
    },
    status: () =>
      [...shelves.values()].flatMap((shelf) =>
        shelf.kinds.map(({ runtime, version, stage }) => ({
          runtime,
          version,
          stage,
          ready: shelf.ready.length,
          creating: shelf.making,
          target: shelf.target,
        })),
      ),
    counters: () => ({
      ...counts,
      warmMb: [...shelves.values()].reduce((sum, shelf) => sum + shelf.ready.length * costOf(shelf), 0),
    }),
    async close() {
      clearInterval(timer);
      ending.abort();
      for (const shelf of shelves.values()) {
        for (const waiter of shelf.waiters.splice(0)) waiter.reject(new PaddockError('shutting-down'));
        await Promise.all(shelf.ready.splice(0).map((sandbox) => discard(shelf, sandbox)));
      }
      await Promise.all(inMaking);
    },
  };
};
