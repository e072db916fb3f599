import type { NomadApi } from '../../cluster/nomad/api/port.ts';
import { reasonsOf } from '../../cluster/nomad/pending.ts';
import { type CliContext, CliError, type NomadAccess } from '../context.ts';
import type { ServiceOptions } from '../service-options.ts';
import { isPending, listPools, type NomadPool } from './executors.ts';
import { leaderOf, unlessForbidden } from './leader.ts';
import { showStatus } from './print-status.ts';
import { askService } from './service-view.ts';
import { joinViews } from './status-report.ts';
import type { NomadOptions } from './with-nomad.ts';

export interface StatusOptions extends NomadOptions, ServiceOptions {
  pool?: string | undefined;
  json?: boolean | undefined;
}

/** `paddock nomad status`: pools and executors as Nomad and a dispatcher see them. */
export const status = async (
  context: CliContext,
  nomad: NomadAccess,
  options: StatusOptions,
): Promise<number> => {
  const { api, prefix } = nomad;
  const [all, nodes, leader] = await Promise.all([
    listPools(api, prefix),
    unlessForbidden(api.nodes.list()),
    unlessForbidden(leaderOf(api, prefix)),
  ]);
  const pools = chosen(all, options.pool);
  const [service, reasons] = await Promise.all([
    askService(context, options, leader === 'forbidden' ? undefined : leader?.url),
    whyPending(api, pools),
  ]);
  const report = joinViews({
    ...{ pools, service, reasons, leader, now: context.date().getTime() },
    nodes: nodes === 'forbidden' ? [] : nodes,
    only: options.pool,
  });
  if (options.json) context.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else showStatus(context, report, nomad);
  return 0;
};

const chosen = (pools: readonly NomadPool[], name: string | undefined): readonly NomadPool[] => {
  if (name === undefined) return pools;
  const found = pools.filter(({ pool, jobId }) => pool === name || jobId === name);
  if (found.length > 0) return found;
  const known = pools.map(({ pool }) => pool).join(', ');
  throw new CliError(`there is no pool ${name}; ${known ? `there are ${known}` : 'none is registered'}`);
};

/** Of so many the evaluations are asked for; those that wait mostly do so for the same reason. */
const mostAsked = 20;

/** By dispatched job, why it was not placed. */
const whyPending = async (
  api: NomadApi,
  pools: readonly NomadPool[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const reasons = new Map<string, readonly string[]>();
  for (const pool of pools) {
    for (const { jobId } of pool.executors.filter(isPending).slice(0, mostAsked)) {
      const evaluations = await api.jobs.evaluations(jobId);
      const failed = evaluations
        .filter(({ FailedTGAllocs }) => Object.keys(FailedTGAllocs).length > 0)
        .sort((one, other) => other.ModifyIndex - one.ModifyIndex);
      const metrics = Object.values(failed[0]?.FailedTGAllocs ?? {});
      reasons.set(
        jobId,
        metrics.flatMap((one) => reasonsOf(one, { ...pool, datacenters: [...pool.datacenters] })),
      );
    }
  }
  return reasons;
};
