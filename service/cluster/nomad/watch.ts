import type { Clock } from '../clock.ts';
import { allocationSchema, type EventBatch, evaluationSchema } from './api/answers.ts';
import type { NomadApi } from './api/port.ts';
import { every } from './every.ts';
import type { Change, View } from './view.ts';

/** Events can be lost without a word (a restarted server, an index too old), so the whole is listed now and then. */
const RELIST_MS = 15_000;
/** Executors that wait for a node mostly wait for the same reason. */
const MOST_EXPLAINED = 20;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;
/** Servers' clocks and ours may differ by this much. */
const CLOCKS_DIFFER_MS = 30_000;
const TOPICS = ['Allocation:*', 'Evaluation:*'];

export interface Watch {
  /** Lists everything; resolves when the view has it. Rejects with a NomadError. */
  refresh(): Promise<void>;
  /** Follows events from here on. */
  follow(): void;
  close(): void;
}

export interface WatchOptions {
  readonly api: Pick<NomadApi, 'jobs' | 'allocations' | 'cluster'>;
  readonly prefix: string;
  readonly view: View;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  readonly changed: (changes: readonly Change[]) => void;
  /** After each full listing. */
  readonly listed: () => void;
}

/** Keeps the view true: lists, follows the event stream, and lists again. */
export const watchNomad = (options: WatchOptions): Watch => {
  const { api, view, clock, log } = options;
  const jobPrefix = `${options.prefix}-`;
  const closing = new AbortController();
  let index = 0;
  let loops: { stop(): void }[] = [];

  const list = async (): Promise<void> => {
    const since = clock.epoch() - CLOCKS_DIFFER_MS;
    // Jobs first: one that is dispatched in between has its allocation listed at least, never the other way around.
    const { jobs } = await api.jobs.list(jobPrefix);
    const found = await api.allocations.list(jobPrefix);
    index = Math.max(index, found.index);
    if (closing.signal.aborted) return;
    options.changed(view.relist(jobs, found.allocations, since));
    options.listed();
    void explain();
  };

  /**
   * Why what waits to be placed does: evaluations from before the stream began are asked for. Nothing waits for it, and
   * what fails here is asked for again after the next listing.
   */
  const explain = async (): Promise<void> => {
    try {
      for (const id of view.unexplained().slice(0, MOST_EXPLAINED)) {
        for (const evaluation of await api.jobs.evaluations(id)) view.evaluation(evaluation);
      }
    } catch {
      // A listing that fails is told; this would only repeat it.
    }
  };

  let listing: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  /** Who asks in the middle of a listing gets the next one: what happened just before has to be in it. */
  const refresh = (): Promise<void> => {
    if (listing) {
      following ??= listing
        .catch(() => {}) // told to those who asked for it
        .then(() => {
          following = undefined;
          return refresh();
        });
      return following;
    }
    listing = list().finally(() => {
      listing = undefined;
    });
    return listing;
  };

  const take = (batch: EventBatch): void => {
    if (closing.signal.aborted) return;
    index = Math.max(index, batch.Index);
    const changes: Change[] = [];
    for (const { Topic, Payload } of batch.Events) {
      if (Topic === 'Allocation') {
        const parsed = allocationSchema.safeParse(Payload.Allocation);
        const change = parsed.success ? view.allocation(parsed.data) : undefined;
        if (change) changes.push(change);
      } else if (Topic === 'Evaluation') {
        const parsed = evaluationSchema.safeParse(Payload.Evaluation);
        if (parsed.success) view.evaluation(parsed.data);
      }
    }
    if (changes.length > 0) options.changed(changes);
  };

  let retryMs = FIRST_RETRY_MS;
  /** Told once, until events come again. */
  let broken = false;
  const stream = async (): Promise<number> => {
    try {
      for await (const batch of api.cluster.events(TOPICS, index, closing.signal)) {
        retryMs = FIRST_RETRY_MS;
        broken = false;
        take(batch);
      }
    } catch (error) {
      if (!broken && !closing.signal.aborted) log.warn({ err: error }, "Nomad's event stream broke");
      broken = true;
    }
    relisting?.soon();
    const inMs = retryMs;
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    return inMs;
  };

  let troubled = false;
  const relist = async (): Promise<number> => {
    try {
      await refresh();
      troubled = false;
    } catch (error) {
      if (!troubled && !closing.signal.aborted)
        log.warn({ err: error }, 'Nomad cannot be asked for executors');
      troubled = true;
      return FIRST_RETRY_MS * 5;
    }
    return RELIST_MS;
  };

  let relisting: { soon(): void; stop(): void } | undefined;
  return {
    refresh,
    follow() {
      const streaming = every(clock, stream);
      relisting = every(clock, relist);
      loops = [streaming, relisting];
    },
    close() {
      for (const loop of loops) loop.stop();
      closing.abort();
    },
  };
};
