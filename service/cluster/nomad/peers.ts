import { Agent, request } from 'undici';
import type { DemandReport, PoolDemand } from '../../contracts/cluster-api.ts';
import { dispatcherServerName } from '../../contracts/cluster-api.ts';
import type { Clock } from '../clock.ts';
import type { Peers, TlsIdentity } from '../port.ts';
import type { Leader } from './leadership.ts';

/** A report counts for this long. It is repeated each second. */
const FRESH_MS = 4_000;
/** One that was silent for this long is not told of new executors any more; it learns of them from Nomad. */
const REACHABLE_MS = 60_000;
const TIMEOUT_MS = 2_000;
/** With this one as many as a launch order names. */
const MOST_PEERS = 63;

export interface PeersOptions {
  readonly self: Leader;
  readonly leads: () => boolean;
  readonly leader: () => Leader | undefined;
  /** The Authorization header that dispatchers take of each other. */
  readonly authorization: () => string;
  readonly tls: TlsIdentity | undefined;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

export interface KnownPeers extends Peers {
  /** Where dispatchers are reached, this one first. */
  urls(): string[];
  receive(report: DemandReport): void;
  close(): Promise<void>;
}

/** Brings demand to the leader and keeps what others bring. */
export const createPeers = (options: PeersOptions): KnownPeers => {
  const { self, clock, log } = options;
  const agent = new Agent({
    connections: 1,
    ...(options.tls && { connect: { ...options.tls, servername: dispatcherServerName } }),
  });
  const reports = new Map<string, DemandReport & { at: number }>();
  let sending = false;
  let next: readonly PoolDemand[] | undefined;
  let troubled = false;
  let closed = false;

  const send = async (url: string, pools: readonly PoolDemand[]): Promise<void> => {
    const report: DemandReport = { dispatcher: self.dispatcher, url: self.url, pools: [...pools] };
    const late = new AbortController();
    const cancel = clock.after(TIMEOUT_MS, () => late.abort(new Error('it did not answer in time')));
    try {
      const { statusCode, body } = await request(`${url}/cluster/demand`, {
        method: 'POST',
        dispatcher: agent,
        headers: { authorization: options.authorization(), 'content-type': 'application/json' },
        body: JSON.stringify(report),
        signal: late.signal,
      });
      await body.dump();
      if (statusCode !== 204) throw new Error(`it answered ${statusCode}`);
    } finally {
      cancel();
    }
  };

  /** One at a time, and only the newest of what was told meanwhile. */
  const sendAll = async (): Promise<void> => {
    sending = true;
    for (let pools = next; pools; pools = next) {
      next = undefined;
      const leader = options.leader();
      // It may hold the lock and not lead yet.
      if (!leader || options.leads() || leader.dispatcher === self.dispatcher) continue;
      try {
        await send(leader.url, pools);
        troubled = false;
      } catch (error) {
        if (!troubled && !closed)
          log.warn({ err: error, leader }, 'the leading dispatcher cannot be told of demand');
        troubled = true;
      }
    }
    sending = false;
  };

  const fresh = (ms: number): DemandReport[] =>
    [...reports.values()].filter(({ at }) => clock.now() - at < ms);

  return {
    tell(demand) {
      if (closed) return;
      next = demand;
      if (!sending) void sendAll();
    },
    heard: () => fresh(FRESH_MS).flatMap(({ pools }) => pools),
    urls: () => [...new Set([self.url, ...fresh(REACHABLE_MS).map(({ url }) => url)])],
    receive(report) {
      if (report.dispatcher === self.dispatcher) return;
      // One that was started anew has another name, and its old demand is gone.
      for (const [name, { url }] of reports)
        if (url === report.url && name !== report.dispatcher) reports.delete(name);
      if (reports.size >= MOST_PEERS && !reports.has(report.dispatcher)) {
        const [oldest] = [...reports].sort(([, a], [, b]) => a.at - b.at);
        if (oldest) reports.delete(oldest[0]);
      }
      reports.set(report.dispatcher, { ...report, at: clock.now() });
    },
    async close() {
      closed = true;
      next = undefined;
      await agent.destroy();
    },
  };
};
