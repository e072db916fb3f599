import type { Clock } from '../clock.ts';
import type { NomadVariables } from './api/port.ts';
import { every } from './every.ts';

/** Nomad's shortest. A leader that dies is replaced within this, the delay and one look. */
const TTL_MS = 10_000;
const DELAY_MS = 1_000;
const RENEW_MS = 2_500;
const LOOK_MS = 1_000;
const RETRY_MS = 500;
/** The holder gives up this long before Nomad does: two must never lead at once. */
const MARGIN_MS = 1_500;

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
  /** Called each time it becomes leader. */
  readonly elected: () => void;
}

/** One among equal dispatchers: who holds the lock of a Nomad Variable, which also says where the leader is reached. */
export const seekLeadership = (options: LeadershipOptions): Leadership => {
  const { variables, path, self, clock, log } = options;
  let lock: { readonly id: string; until: number } | undefined;
  let leader: Leader | undefined;
  let closed = false;
  let troubled = false;

  const lose = (why: string): void => {
    lock = undefined;
    leader = undefined;
    log.warn({ why }, 'this dispatcher leads no more');
  };

  const renew = async (held: { readonly id: string; until: number }): Promise<number> => {
    // Counted from before the request: Nomad counts from when it came.
    const asked = clock.now();
    if (await variables.renew(path, held.id)) {
      held.until = asked + TTL_MS - MARGIN_MS;
      return RENEW_MS;
    }
    lose('the lock was not renewed in time');
    return LOOK_MS;
  };

  const look = async (): Promise<number> => {
    const asked = clock.now();
    const id = await variables.acquire(path, { ...self }, { ttlMs: TTL_MS, delayMs: DELAY_MS });
    if (id !== undefined && closed) await variables.release(path, id);
    else if (id !== undefined) {
      lock = { id, until: asked + TTL_MS - MARGIN_MS };
      leader = self;
      log.info({ dispatcher: self.dispatcher }, 'this dispatcher leads now');
      options.elected();
      return RENEW_MS;
    } else {
      const variable = await variables.get(path);
      const { dispatcher, url } = variable?.Items ?? {};
      leader = variable?.Lock && dispatcher && url ? { dispatcher, url } : undefined;
    }
    return LOOK_MS;
  };

  const loop = every(clock, async () => {
    try {
      const inMs = await (lock ? renew(lock) : look());
      troubled = false;
      return inMs;
    } catch (error) {
      if (!troubled) log.warn({ err: error }, 'the lock of the leader cannot be reached');
      troubled = true;
      if (lock && clock.now() >= lock.until) lose('Nomad could not be reached in time');
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
      if (held) await variables.release(path, held.id).catch(() => {});
    },
  };
};
