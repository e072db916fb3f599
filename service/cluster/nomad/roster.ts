import type { Registration } from '../../contracts/cluster-api.ts';
import type { Clock } from '../clock.ts';
import type { ClusterListener, TlsIdentity } from '../port.ts';
import type { KeptTokens } from '../trust/kept-tokens.ts';
import { addressOf } from './address.ts';
import type { Allocation } from './api/answers.ts';
import type { Change } from './view.ts';

/** An executor says itself that it is ready. One that did not in this time is looked up where Nomad has put it. */
const SAYS_SO_WITHIN_MS = 4_000;
/** One that said so is unknown to Nomad's listing at first; after this long it has to be in there. */
const KNOWN_WITHIN_MS = 60_000;

export interface Roster {
  changed(changes: readonly Change[]): void;
  registered(registration: Registration): Promise<void>;
  /** After each full listing: what Nomad has never heard of goes. */
  check(isLive: (id: string) => boolean | undefined): void;
  close(): void;
}

export interface RosterOptions {
  readonly listener: ClusterListener;
  readonly tokens: KeptTokens;
  readonly tls: TlsIdentity | undefined;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

interface Present {
  readonly since: number;
  joined: boolean;
  /** It takes nothing any more, and does not join if it has not yet. */
  draining: boolean;
}

/** Tells the dispatcher who is there, from what Nomad and what executors themselves say, each once. */
export const createRoster = (options: RosterOptions): Roster => {
  const { listener, tokens, clock, log } = options;
  const present = new Map<string, Present>();
  const awaited = new Map<string, () => void>();
  let closed = false;

  const enter = (id: string): Present => {
    stopWaiting(id);
    const entry = { since: clock.now(), joined: false, draining: false };
    present.set(id, entry);
    return entry;
  };

  const join = async (id: string, url: string, pool: string): Promise<void> => {
    if (closed || present.has(id)) return;
    const entry = enter(id);
    const authorization = await tokens.for(id).catch((error: unknown) => {
      // It is to be tried again when it registers or is listed once more.
      if (present.get(id) === entry) present.delete(id);
      throw error;
    });
    // It may have left, or begun to end, while its token was made.
    if (closed || present.get(id) !== entry || entry.draining) return;
    entry.joined = true;
    listener.joined({ id, url, pool, authorization, tls: options.tls });
  };

  const drain = (id: string): void => {
    const entry = present.get(id) ?? enter(id);
    if (entry.draining) return;
    entry.draining = true;
    if (entry.joined) listener.draining(id);
  };

  const stopWaiting = (id: string): void => {
    awaited.get(id)?.();
    awaited.delete(id);
  };

  const leave = (id: string, reason: string): void => {
    stopWaiting(id);
    const entry = present.get(id);
    present.delete(id);
    tokens.forget(id);
    if (entry?.joined) listener.left(id, reason);
  };

  const found = (allocation: Allocation, pool: string): void => {
    const { ID: id } = allocation;
    if (closed || present.has(id) || awaited.has(id)) return;
    const url = addressOf(allocation, options.tls !== undefined);
    if (url === undefined) {
      log.warn({ allocation: id }, 'an executor has no port labelled http');
      return;
    }
    const come = (): void => {
      join(id, url, pool).catch((error: unknown) => {
        log.warn({ err: error, executor: id }, 'no token could be made');
        if (!closed && !present.has(id)) awaited.set(id, clock.after(SAYS_SO_WITHIN_MS, come));
      });
    };
    const age = clock.epoch() - allocation.CreateTime;
    if (age >= SAYS_SO_WITHIN_MS) come();
    else awaited.set(id, clock.after(SAYS_SO_WITHIN_MS, come));
  };

  return {
    changed(changes) {
      for (const change of changes) {
        if (change.kind === 'running') found(change.allocation, change.pool);
        else if (change.kind === 'ending') drain(change.id);
        else leave(change.id, change.reason);
      }
    },
    async registered({ allocation, url, pool, state }) {
      if (state === 'draining') drain(allocation);
      else await join(allocation, url, pool);
    },
    check(isLive) {
      for (const [id, entry] of present) {
        if (isLive(id) === undefined && clock.now() - entry.since > KNOWN_WITHIN_MS)
          leave(id, 'Nomad does not know it');
      }
    },
    close() {
      closed = true;
      for (const cancel of awaited.values()) cancel();
      awaited.clear();
    },
  };
};
