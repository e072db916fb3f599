import { createHash } from 'node:crypto';
import {
  type ExecutorBrief,
  type ExecutorRequest,
  type ExecutorStatus,
  formatLoad,
} from '../contracts/index.ts';
import type { CompileCache } from './compile-cache/cache.ts';
import type { Machine } from './machine.ts';
import type { Catalogue } from './runtimes/catalogue.ts';
import type { WarmSet } from './warm-set.ts';

/** What is under way here, and what has been. */
export interface Work {
  readonly running: Set<Promise<unknown>>;
  state: ExecutorStatus['state'];
  executions: number;
  internalErrors: number;
}

export interface Status {
  /** Only what changes often, where the revision of the rest is the one that the caller knows. */
  say(known: string | undefined): ExecutorStatus | ExecutorBrief;
  /** For the header `paddock-load`. */
  load(request?: ExecutorRequest): string;
  /** What rarely changes has: it is put together anew. */
  forget(): void;
}

export interface StatusOptions {
  readonly config: {
    readonly id: string;
    readonly node: string;
    readonly capabilities: readonly string[];
    readonly maxRunning: number;
    readonly warmMemoryMb: number;
  };
  readonly machine: Pick<Machine, 'maker' | 'inspection'>;
  readonly catalogue: Pick<Catalogue, 'infos'>;
  readonly warmSet: Pick<WarmSet, 'status' | 'counters'>;
  readonly compileCache: CompileCache | undefined;
  readonly work: Work;
  readonly now: () => Date;
}

const MEBIBYTE = 1024 * 1024;

/** What rarely changes. */
type Lasting = Omit<ExecutorStatus, keyof ExecutorBrief> & { readonly catalogue: string };

/** What this executor says of itself. */
export const createStatus = (options: StatusOptions): Status => {
  const { config, machine, warmSet, work } = options;
  const startedAt = options.now().toISOString();
  let made: Lasting | undefined;

  const lasting = (): Lasting => {
    if (made) return made;
    const facts = {
      id: config.id,
      node: config.node,
      startedAt,
      capabilities: [...config.capabilities],
      runtimes: options.catalogue.infos(),
      isolation: machine.inspection.isolation,
    };
    const digest = createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
    made = { ...facts, catalogue: digest.slice(0, 16) };
    return made;
  };

  return {
    say(known) {
      const { catalogue, ...facts } = lasting();
      const brief = briefOf(options, catalogue);
      return known === catalogue ? brief : { ...facts, ...brief };
    },
    load(request) {
      return formatLoad({
        running: work.running.size,
        maxRunning: config.maxRunning,
        state: work.state,
        catalogue: lasting().catalogue,
        warm: request && warmOf(warmSet, request),
      });
    },
    forget() {
      made = undefined;
    },
  };
};

const briefOf = (
  { config, machine, warmSet, compileCache, work }: StatusOptions,
  catalogue: string,
): ExecutorBrief => {
  const counters = warmSet.counters();
  const forks = machine.maker.counters();
  return {
    catalogue,
    state: work.state,
    running: work.running.size,
    maxRunning: config.maxRunning,
    warm: warmSet.status(),
    warmBytes: counters.warmMb * MEBIBYTE,
    warmBudgetBytes: config.warmMemoryMb * MEBIBYTE,
    rssBytes: process.memoryUsage.rss(),
    compileCache: compileCache?.status(),
    counters: {
      executions: work.executions,
      sandboxesCreated: counters.created,
      sandboxesFailed: counters.failed,
      sandboxesForked: forks.forked,
      forkFallbacks: forks.fallbacks,
      warmHits: counters.hits,
      warmMisses: counters.misses,
      internalErrors: work.internalErrors,
    },
  };
};

const warmOf = (warmSet: Pick<WarmSet, 'status'>, { runtime, version }: ExecutorRequest): number =>
  warmSet
    .status()
    .reduce(
      (most, entry) =>
        entry.runtime === runtime && entry.version === version ? Math.max(most, entry.ready) : most,
      0,
    );
