import type { LaunchOrder } from '../../contracts/cluster-api.ts';
import { executorAudience } from '../../contracts/cluster-api.ts';
import { PaddockError } from '../../contracts/errors.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import type { Clock } from '../clock.ts';
import type { Cluster, ClusterListener, Door, ElasticCluster, TlsIdentity } from '../port.ts';
import {
  createSigningKey,
  createTokenSigner,
  createTokenVerifier,
  publicKeyOf,
  type SigningKey,
} from '../trust/executor-token.ts';
import { keepTokens } from '../trust/kept-tokens.ts';
import { createWorkloadVerifier } from '../trust/workload-identity.ts';
import { NomadError } from './api/errors.ts';
import type { NomadApi } from './api/port.ts';
import { createDoor } from './door.ts';
import { followDrains } from './drains.ts';
import { createEngine } from './engine.ts';
import { every, type Repeated } from './every.ts';
import { type Leader, type Leadership, seekLeadership } from './leadership.ts';
import { createPeers, type KnownPeers } from './peers.ts';
import { createRoster, type Roster } from './roster.ts';
import { shareSigningKey } from './signing-key.ts';
import { createView, type View } from './view.ts';
import { type Watch, watchNomad } from './watch.ts';

/** What dispatchers' tokens for each other are made out to. */
const DISPATCHERS = 'paddock-dispatcher';
const REGISTER_RETRY_MS = 5_000;
/** What somebody has removed, stopped or changed by hand is put back after this long. */
const REGISTER_AGAIN_MS = 30_000;
/** A cluster whose servers are being restarted answers again within this. */
const REACHABLE_WITHIN_MS = 60_000;
const REACH_RETRY_MS = 500;

export interface NomadClusterOptions {
  readonly api: NomadApi;
  /** Of all names in Nomad: jobs, variables. */
  readonly prefix: string;
  readonly namespace: string;
  readonly pools: readonly PoolSpec[];
  /** This dispatcher: its name among the others, and where executors and they reach it. */
  readonly self: Leader;
  readonly tls: TlsIdentity | undefined;
  /** Registers the pools' jobs where they differ. */
  readonly register: () => Promise<void>;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** What exists once Nomad has been reached and the shared key is known. */
interface Parts {
  readonly watch: Watch;
  readonly roster: Roster;
  readonly door: Door;
  close(): Promise<void>;
}

/** Executors as allocations of a Nomad cluster. They outlive this dispatcher, and other dispatchers use them too. */
export const createNomadCluster = (options: NomadClusterOptions): Cluster => {
  const { api, prefix, pools, self, clock, log } = options;
  const view = createView(prefix, pools);
  let leadership: Leadership | undefined;
  /** The lock is held and everything there is has been listed since. */
  let complete = false;
  const leads = (): boolean => complete && (leadership?.holds() ?? false);
  let key: SigningKey | undefined;
  let parts: Parts | undefined;
  let headerForPeers = (): string => '';
  let closed = false;
  const isClosed = (): boolean => closed;

  const peers = createPeers({
    ...{ self, leads, clock, log, tls: options.tls },
    leader: () => leadership?.leader(),
    authorization: () => headerForPeers(),
  });
  const order = (pool: string): LaunchOrder => {
    if (!key) throw new Error('the signing key is not known yet');
    return { pool, dispatchers: peers.urls(), keys: [publicKeyOf(key)] };
  };
  const engine = createEngine({
    ...{ jobs: api.jobs, prefix, specs: pools, view, clock, leads, order, newId: options.newId, log },
    refused: () => takeOver.hurry(),
  });

  const drains = followDrains({ nodes: api.nodes, view, engine, clock, log });

  const takeOver = createTakeOver(options, {
    refresh: () => parts?.watch.refresh() ?? Promise.resolve(),
    holds: () => leadership?.holds() ?? false,
    done: () => {
      complete = true;
    },
  });

  const door: Door = {
    executor: (...told) => openDoor(parts).executor(...told),
    demand: (...told) => openDoor(parts).demand(...told),
  };
  const elastic: ElasticCluster = { engine, peers, door };

  return {
    elastic,
    async start(listener) {
      key = await reach(options, isClosed, () =>
        shareSigningKey(
          api.variables,
          `${prefix}/signing-key`,
          async () => (await createSigningKey()).privateJwk,
        ),
      );
      const made = await assemble(options, { key, view, peers, listener });
      headerForPeers = made.headerForPeers;
      parts = made;
      await reach(options, isClosed, made.watch.refresh);
      if (closed) return;
      made.watch.follow();
      leadership = seekLeadership({
        ...{ variables: api.variables, path: `${prefix}/leader`, self, clock, log, newId: options.newId },
        elected: () => {
          complete = false;
          takeOver.begin();
        },
      });
    },
    async close() {
      closed = true;
      takeOver.stop();
      drains.stop();
      engine.close();
      await leadership?.close();
      await parts?.close();
      await peers.close();
      await api.close();
    },
  };
};

const openDoor = (parts: Parts | undefined): Door => {
  if (parts) return parts.door;
  throw new PaddockError('no-executor', { detail: 'this dispatcher is still starting', retryAfterMs: 500 });
};

/** Asks until Nomad answers. What it refuses (a token without the right, a wrong address) is told at once. */
const reach = async <T>(
  { clock, log }: NomadClusterOptions,
  isClosed: () => boolean,
  ask: () => Promise<T>,
): Promise<T> => {
  const deadline = clock.now() + REACHABLE_WITHIN_MS;
  for (let first = true; ; first = false) {
    try {
      return await ask();
    } catch (error) {
      const isRefused = !(error instanceof NomadError) || (error.status !== undefined && error.status < 500);
      if (isRefused || isClosed() || clock.now() >= deadline) throw error;
      if (first) log.warn({ err: error }, 'Nomad does not answer; trying again for a minute');
      await new Promise<void>((resolve) => clock.after(REACH_RETRY_MS, resolve));
    }
  }
};

const assemble = async (
  options: NomadClusterOptions,
  made: { key: SigningKey; view: View; peers: KnownPeers; listener: ClusterListener },
): Promise<Parts & { headerForPeers: () => string }> => {
  const { api, prefix, clock, log, tls } = options;
  const { key, view, peers, listener } = made;
  const tokens = keepTokens(createTokenSigner(key, clock), clock);
  const roster = createRoster({ listener, tokens, tls, clock, log });
  const watch = watchNomad({
    ...{ api, prefix, view, clock, log },
    changed: roster.changed,
    listed: () => roster.check(view.isLive),
  });
  const door = createDoor({
    ...{ prefix, namespace: options.namespace, roster, peers, isLive: view.isLive, log },
    allocation: api.allocations.get,
    secure: tls !== undefined,
    pools: options.pools.map(({ name }) => name),
    workloads: createWorkloadVerifier({ keys: api.cluster.keys, audience: executorAudience, clock }),
    dispatchers: createTokenVerifier([publicKeyOf(key)], DISPATCHERS, clock),
  });
  return {
    ...{ watch, roster, door },
    headerForPeers: await tokens.for(DISPATCHERS),
    async close() {
      watch.close();
      roster.close();
      tokens.close();
    },
  };
};

/**
 * What a newly elected leader does before it changes anything: register the pools, list what there is. It goes on to see
 * to it that the pools stay registered.
 */
const createTakeOver = (
  { register, clock, log }: NomadClusterOptions,
  steps: { refresh: () => Promise<void>; holds: () => boolean; done: () => void },
): { begin(): void; hurry(): void; stop(): void } => {
  let work: Repeated | undefined;
  /** Of the latest election: what an earlier one still does counts for nothing. */
  let term = 0;
  const stop = (): void => {
    term++;
    work?.stop();
  };
  return {
    begin() {
      stop();
      const mine = term;
      const isCurrent = (): boolean => mine === term && steps.holds();
      let isDone = false;
      work = every(clock, async () => {
        try {
          if (isCurrent()) await register();
          if (isCurrent() && !isDone) {
            await steps.refresh();
            if (isCurrent()) steps.done();
            isDone = true;
          }
        } catch (error) {
          if (isCurrent())
            log.warn({ err: error }, 'the pools could not be registered with Nomad; trying again');
          if (!isDone) return REGISTER_RETRY_MS;
        }
        if (mine === term && !steps.holds()) stop();
        return REGISTER_AGAIN_MS;
      });
    },
    hurry: () => work?.soon(),
    stop,
  };
};
