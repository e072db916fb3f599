import type { DemandReport, Registration } from '../../contracts/cluster-api.ts';
import { PaddockError } from '../../contracts/errors.ts';
import type { Door } from '../port.ts';
import type { TokenVerifier } from '../trust/executor-token.ts';
import { bearerOf, type WorkloadVerifier } from '../trust/workload-identity.ts';
import { addressOf } from './address.ts';
import type { Allocation } from './api/answers.ts';
import { executorGroup } from './job-spec.ts';
import type { KnownPeers } from './peers.ts';
import type { Roster } from './roster.ts';

export interface DoorOptions {
  readonly workloads: WorkloadVerifier;
  /** Of the tokens that dispatchers show each other. */
  readonly dispatchers: TokenVerifier;
  readonly prefix: string;
  readonly namespace: string;
  readonly pools: readonly string[];
  readonly roster: Roster;
  readonly peers: KnownPeers;
  /** false where Nomad has said that the allocation has ended. */
  readonly isLive: (allocation: string) => boolean | undefined;
  /** Asks Nomad; undefined where it knows none. */
  readonly allocation: (id: string) => Promise<Allocation | undefined>;
  /** Whether executors speak TLS. */
  readonly secure: boolean;
  readonly log: { warn(fields: object, message: string): void };
}

/** Lets in whom Nomad vouches for, as what Nomad says it is, and other dispatchers. */
export const createDoor = (options: DoorOptions): Door => {
  const told = new Set<string>();
  /** A pool that only some dispatchers have a file for is never given executors by a leader that has none. */
  const tellOfUnknown = ({ dispatcher, pools }: DemandReport): void => {
    for (const { pool } of pools) {
      if (options.pools.includes(pool) || told.has(pool)) continue;
      told.add(pool);
      options.log.warn(
        { dispatcher, pool },
        'another dispatcher has a pool that is not in the pools file of this one',
      );
    }
  };

  return {
    async executor(authorization, registration) {
      const { allocation, job, namespace, task } = await options.workloads.verify(bearerOf(authorization));
      const refuse = (detail: string): never => {
        throw new PaddockError('unauthorized', { detail });
      };
      if (allocation !== registration.allocation) refuse('the identity is that of another allocation');
      if (namespace !== options.namespace) refuse(`the identity is of namespace ${namespace}`);
      if (!options.pools.includes(registration.pool)) refuse(`there is no pool ${registration.pool}`);
      if (job !== `${options.prefix}-${registration.pool}`) refuse(`the identity is that of job ${job}`);
      if (task !== executorGroup) refuse(`the identity is that of task ${task}`);
      if (options.isLive(allocation) === false) refuse('the allocation has ended');
      if (registration.state === 'ready') await checkAddress(registration, options);
      await options.roster.registered(registration);
    },
    async demand(authorization, report) {
      if (!(await options.dispatchers.verify(authorization)))
        throw new PaddockError('unauthorized', {
          detail: "the token is not one of this cluster's dispatchers",
        });
      tellOfUnknown(report);
      options.peers.receive(report);
    },
  };
};

/** Executions go to this address, so it has to be the one that Nomad gave the allocation. */
const checkAddress = async (
  { allocation: id, url }: Registration,
  { allocation, secure }: DoorOptions,
): Promise<void> => {
  const known = await allocation(id);
  const address = known && addressOf(known, secure);
  if (address === url) return;
  const detail = known ? 'the address is not that of the allocation' : 'Nomad does not know the allocation';
  throw new PaddockError('unauthorized', { detail });
};
