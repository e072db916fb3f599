import { PaddockError } from '../../contracts/errors.ts';
import type { Door } from '../port.ts';
import type { TokenVerifier } from '../trust/executor-token.ts';
import { bearerOf, type WorkloadVerifier } from '../trust/workload-identity.ts';
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
}

/** Lets in whom Nomad vouches for, as what Nomad says it is, and other dispatchers. */
export const createDoor = (options: DoorOptions): Door => ({
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
    await options.roster.registered(registration);
  },
  async demand(authorization, report) {
    if (!(await options.dispatchers.verify(authorization)))
      throw new PaddockError('unauthorized', {
        detail: "the token is not one of this cluster's dispatchers",
      });
    options.peers.receive(report);
  },
});
