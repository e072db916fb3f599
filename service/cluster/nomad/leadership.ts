import type { Clock } from '../clock.ts';
import type { NomadVariables } from './api/port.ts';
import { every } from './every.ts';

/**
 * Nomad's shortest. Nomad itself frees a lock only after twice this time and its delay, so the holder also leaves a
 * beat in a variable beside it, and who sees none for too long frees the lock for it.
 */
const TTL_MS = 10_000;
const DELAY_MS = 1_000;
const BEAT_MS = 2_500;
const LOOK_MS = 1_000;
const RETRY_MS = 500;
const CLOSE_MS = 1_000;
/** A holder that could not leave a beat since it began the last one stops leading this long after. */
const LEASE_MS = 8_500;
/** Others wait longer than that, from when they saw the last beat, which is after it was begun. Clocks need not agree. */
const SILENT_MS = 10_000;

export interface Leader {
  readonly dispatcher: string;
  readonly url: string;
}

export interface Leadership {
  /** Whether this dispatcher leads now. */
  holds(): boolean;
  /** Who leads, as last seen. */
  leader(): Leader | undefined;
  /** Lets go, so that another can lead at once. */
  close(): Promise<void>;
}

export interface LeadershipOptions {
  readonly variables: NomadVariables;
  readonly path: string;
  readonly self: Leader;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** A random id for a lock. */
  readonly newId: () => string;
  /** Called each time it becomes leader. */
  readonly elected: () => void;
}

/**
 * One among equal dispatchers: who holds the lock of a Nomad Variable, which also says where the leader is reached and
 * that it is alive.
 */
export const seekLeadership = (options: LeadershipOptions): Leadership => {
  const { variables, path, self, clock, log } = options;
  // A variable of its own: writing to the locked one would need its lock anew, and Nomad logs that as an error.
  const beatPath = `${path}-beat`;
  let lock: Held | undefined;
  let leader: Leader | undefined;
  let seen = { beat: '', at: 0 };
  let closed = false;
  let troubled = false;

  const lose = (held: Held, why: string): number => {
    lock = undefined;
    leader = undefined;
    log.warn({ why }, 'this dispatcher leads no more');
    // It may still be its own, and then nobody has to wait for it.
    letGo(held).catch(() => {});
    return LOOK_MS;
  };

  const beat = async (held: Held): Promise<number> => {
    const begun = clock.now();
    if (begun >= held.until) return lose(held, 'it could not say in time that it is alive');
    if (!(await variables.renew(path, held.id))) return lose(held, 'the lock is not its own any more');
    const last = await variables.get(beatPath);
    const items = { ...self, lock: held.id, beat: String(held.beats + 1) };
    // Nobody else writes it, unless this one leads no more and does not know it yet.
    if (!(await variables.put(beatPath, items, last?.ModifyIndex ?? 0))) return RETRY_MS;
    if (closed) return BEAT_MS;
    // Somebody may have looked just before this beat, seen none for too long, and be about to lead.
    if (clock.now() >= held.until) return lose(held, 'its beat came too late');
    held.beats++;
    held.until = begun + LEASE_MS;
    return BEAT_MS;
  };

  const take = async (): Promise<number> => {
    const begun = clock.now();
    const wanted = options.newId();
    // The id is among the items, because Nomad itself shows a variable's lock to management tokens only.
    const items = { ...self, lock: wanted };
    const id = await variables.acquire(path, items, { ttlMs: TTL_MS, delayMs: DELAY_MS, id: wanted });
    if (id === undefined) return LOOK_MS;
    if (closed) {
      await variables.release(path, id);
      return LOOK_MS;
    }
    lock = { id, until: begun + LEASE_MS, beats: 0 };
    leader = self;
    log.info({ dispatcher: self.dispatcher }, 'this dispatcher leads now');
    options.elected();
    return BEAT_MS;
  };

  const look = async (): Promise<number> => {
    const begun = clock.now();
    const { lock: holder, dispatcher, url } = (await variables.get(path))?.Items ?? {};
    if (!holder) {
      leader = undefined;
      return take();
    }
    const last = await variables.get(beatPath);
    // Every write has an index of its own. A number would be the same once more where the answer to a beat was lost.
    const found = `${holder} ${last?.Items.lock === holder ? last.ModifyIndex : 'none'}`;
    // It may have died long ago, and Nomad has freed its lock since.
    const isFirst = seen.beat === '';
    if (found !== seen.beat) seen = { beat: found, at: clock.now() };
    leader = dispatcher && url ? { dispatcher, url } : undefined;
    if (isFirst) return take();
    // As of when this look began: its answers may be as old as that.
    if (begun - seen.at < SILENT_MS) return LOOK_MS;
    log.warn({ leader: dispatcher }, 'the leading dispatcher is silent');
    await variables.release(path, holder);
    return take();
  };

  /** Lets others take it at once. */
  const letGo = async (held: Held): Promise<void> => {
    await variables.release(path, held.id);
    const last = await variables.get(path);
    if (last?.Items.lock === held.id) await variables.put(path, { lock: '' }, last.ModifyIndex);
  };

  let underWay: Promise<unknown> = Promise.resolve();
  const loop = every(clock, async () => {
    try {
      const step = lock ? beat(lock) : look();
      underWay = step.catch(() => {});
      const inMs = await step;
      troubled = false;
      return inMs;
    } catch (error) {
      if (!troubled && !closed) log.warn({ err: error }, 'the lock of the leader cannot be reached');
      troubled = true;
      if (lock && clock.now() >= lock.until) lose(lock, 'Nomad could not be reached in time');
      return RETRY_MS;
    }
  });

  return {
    holds: () => lock !== undefined && clock.now() < lock.until,
    leader: () => leader,
    async close() {
      closed = true;
      loop.stop();
      const held = lock;
      lock = undefined;
      if (held) await letGo(held).catch(() => {});
      // A lock that is just being taken is let go of as soon as it is there.
      else await Promise.race([underWay, new Promise<void>((resolve) => clock.after(CLOSE_MS, resolve))]);
    },
  };
};

interface Held {
  readonly id: string;
  /** By the clock's now(). */
  until: number;
  beats: number;
}
