import type { NodeInfo } from '../../cluster/nomad/api/answers.ts';
import { type CliContext, CliError, type NomadAccess, UsageError } from '../context.ts';
import { parseDuration } from '../option-values.ts';
import type { ServiceOptions } from '../service-options.ts';
import { formatDuration, formatTable } from '../table.ts';
import { findExecutor, hasEnded, listPools, type NomadExecutor, shortId } from './executors.ts';
import { followUntilEmpty } from './follow-drain.ts';
import { leaderOf, unlessForbidden } from './leader.ts';
import { askService, type ServiceView } from './service-view.ts';
import type { NomadOptions } from './with-nomad.ts';

export interface DrainOptions extends NomadOptions, ServiceOptions {
  target: string;
  deadline?: string | undefined;
  off?: boolean | undefined;
  wait?: boolean | undefined;
}

const usualDeadlineMs = 10 * 60_000;

/** `paddock nomad drain`: empties a node, or ends one executor once it has finished what it runs. */
export const drain = async (
  context: CliContext,
  nomad: NomadAccess,
  options: DrainOptions,
): Promise<number> => {
  const deadlineMs =
    options.deadline === undefined ? undefined : parseDuration('--deadline', options.deadline);
  if (options.off && deadlineMs !== undefined) throw new UsageError('--off takes no --deadline');
  const { executor, node, executors } = await findTarget(nomad, options.target);
  if (node) {
    if (options.off) return endDrain(context, nomad, node);
    const there = executors.filter(({ allocation }) => allocation?.NodeID === node.ID);
    return drainNode(context, nomad, options, { node, there, deadlineMs: deadlineMs ?? usualDeadlineMs });
  }
  if (options.off || deadlineMs !== undefined)
    throw new UsageError(
      `${options.target} is an executor; ${options.off ? '--off' : '--deadline'} is for nodes`,
    );
  return drainExecutor(context, nomad, options, executor);
};

type Target = (
  | { readonly executor: NomadExecutor; readonly node?: undefined }
  | { readonly executor?: undefined; readonly node: NodeInfo }
) & {
  /** All that have an allocation which has not ended. */
  readonly executors: readonly NomadExecutor[];
};

const findTarget = async ({ api, prefix }: NomadAccess, named: string): Promise<Target> => {
  const pools = await listPools(api, prefix);
  const executor = findExecutor(pools, named);
  const node = await unlessForbidden(api.nodes.find(named));
  const executors = pools.flatMap((pool) =>
    pool.executors.filter(({ allocation }) => allocation && !hasEnded(allocation)),
  );
  if (executor && node !== undefined && node !== 'forbidden')
    throw new CliError(
      `${named} begins the id of a node (${node.ID}) and of an executor (${executor.allocation?.ID}); give more of it`,
    );
  if (executor) return { executor, executors };
  if (node === 'forbidden')
    throw new CliError(
      `there is no executor ${named}, and this token may not see nodes (node:read; to drain them node:write, as in nomad/acl/operator.policy.hcl)`,
    );
  if (node) return { node, executors };
  throw new CliError(
    `there is no node and no executor ${named}. Give a node's name or id, or the id of an executor's allocation, or their first letters: see paddock nomad status`,
  );
};

const endDrain = async (context: CliContext, { api }: NomadAccess, node: NodeInfo): Promise<number> => {
  await api.nodes.drain(node.ID, undefined);
  context.stdout.write(`${nameOf(node)} takes executors again.\n`);
  return 0;
};

const drainNode = async (
  context: CliContext,
  nomad: NomadAccess,
  options: DrainOptions,
  order: { readonly node: NodeInfo; readonly there: readonly NomadExecutor[]; readonly deadlineMs: number },
): Promise<number> => {
  const { node, there, deadlineMs } = order;
  const leader = await unlessForbidden(leaderOf(nomad.api, nomad.prefix));
  const service = await askService(context, options, leader === 'forbidden' ? undefined : leader?.url);
  await nomad.api.nodes.drain(node.ID, deadlineMs);
  context.stdout.write(
    `${nameOf(node)} takes nothing new, and is emptied within ${formatDuration(deadlineMs)}.\n`,
  );
  // Nomad itself leaves batch jobs, as executors are, alone until the deadline and then ends them.
  for (const { jobId } of there) await nomad.api.jobs.deregister(jobId);
  context.stdout.write(
    there.length === 0
      ? 'No executor runs on it.\n'
      : `${tableOf(there, service)}They finish what they run, and end; the pools have others started elsewhere.\n`,
  );
  const undo = `To let it take executors again: paddock nomad drain ${node.Name} --off\n`;
  if (!waits(context, options)) {
    context.stdout.write(undo);
    return 0;
  }
  await followUntilEmpty(context, nomad, {
    ...{ what: `draining ${node.Name}`, executors: there, node },
    interrupted: `No longer followed; the drain goes on. ${undo}`,
  });
  context.stdout.write(`${nameOf(node)} is empty. ${undo}`);
  return 0;
};

const drainExecutor = async (
  context: CliContext,
  nomad: NomadAccess,
  options: DrainOptions,
  executor: NomadExecutor,
): Promise<number> => {
  const { allocation, jobId, pool } = executor;
  const name = allocation ? shortId(allocation.ID) : jobId;
  if (executor.dead || (allocation && hasEnded(allocation)))
    throw new CliError(`the executor ${name} has ended already`);
  await nomad.api.jobs.deregister(jobId);
  context.stdout.write(
    `${name} of pool ${pool} takes nothing new; it finishes what it runs, and ends. The pool has another started where it needs one.\n`,
  );
  if (!waits(context, options) || !allocation) return 0;
  await followUntilEmpty(context, nomad, {
    ...{ what: `draining ${name}`, executors: [executor] },
    interrupted: 'No longer followed; the executor still ends.\n',
  });
  return 0;
};

const waits = ({ stdout }: CliContext, { wait }: DrainOptions): boolean => wait ?? stdout.isTTY === true;

const nameOf = ({ Name, ID }: NodeInfo): string => `Node ${Name} (${shortId(ID)})`;

const tableOf = (executors: readonly NomadExecutor[], service: ServiceView): string => {
  const rows = executors.flatMap(({ allocation, pool }) => {
    if (!allocation) return [];
    const own = 'missing' in service ? undefined : service.executors.get(allocation.ID);
    return [
      [
        shortId(allocation.ID),
        pool,
        allocation.ClientStatus,
        own ? `${own.running}/${own.maxRunning}` : 'unknown',
      ],
    ];
  });
  return formatTable(['executor', 'pool', 'nomad', 'running'], rows);
};
