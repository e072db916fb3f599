import type { CliContext, NomadAccess } from '../context.ts';
import { formatDuration, formatTable } from '../table.ts';
import { shortId } from './executors.ts';
import type { ExecutorStatus, PoolStatus, StatusReport } from './status-report.ts';

/** For people: who leads, then a table for each pool with what is amiss below it. */
export const showStatus = (context: CliContext, report: StatusReport, nomad: NomadAccess): void => {
  const { stdout } = context;
  stdout.write(`Leading dispatcher: ${leaderText(report, nomad)}\n${serviceText(report)}`);
  if (report.pools.length === 0) {
    stdout.write(
      `\nNo pool is registered in namespace ${nomad.namespace} with the prefix ${nomad.prefix}.\nDispatchers register theirs when they start; or see: paddock nomad register\n`,
    );
    return;
  }
  for (const pool of report.pools) stdout.write(`\n${poolText(pool, report)}`);
};

const leaderText = ({ leader }: StatusReport, { prefix }: NomadAccess): string => {
  if (leader === 'forbidden') return `unknown (this token may not read the variable ${prefix}/leader)`;
  return leader ? `${leader.dispatcher} at ${leader.url}` : 'none; pools keep the size they have';
};

const serviceText = ({ service, foreign }: StatusReport): string => {
  if (service.missing !== undefined)
    return `Only Nomad's part is shown: ${service.missing.replaceAll('\n', '\n  ')}\n`;
  const whole = service.leads === false ? ', which does not lead: it does not know how many are wanted' : '';
  const others =
    foreign.length === 0
      ? ''
      : `It knows executors that Nomad does not have here (${foreign.map(shortId).join(', ')}): is it another installation's?\n`;
  return `As seen by the dispatcher at ${service.url}${whole}\n${others}`;
};

const poolText = (pool: PoolStatus, report: StatusReport): string => {
  const numbers = [
    pool.minimum !== undefined && `minimum ${pool.minimum}`,
    pool.maximum !== undefined && `maximum ${pool.maximum}`,
    pool.wanted !== undefined && `wanted ${pool.wanted}`,
    `executors ${pool.executors.length}`,
    pool.pending.length > 0 && `pending ${pool.pending.length}`,
    pool.waiting ? `executions waiting ${pool.waiting}` : false,
  ].filter((text) => text !== false);
  const amiss = {
    registered: '',
    stopped: `Its job ${pool.job} is stopped in Nomad: no executor can be started. A dispatcher that takes the lead registers it again, and so does paddock nomad register --apply.\n`,
    gone: `Its job ${pool.job} is gone from Nomad: executors that are left finish and end.\n`,
  };
  const table = pool.executors.length > 0 ? tableOf(pool, report) : '';
  return `Pool ${pool.pool}: ${numbers.join(', ')}\n${amiss[pool.state]}${table}${pendingText(pool)}${failedText(pool)}`;
};

const tableOf = ({ executors }: PoolStatus, { service }: StatusReport): string => {
  const isWhole = service.missing === undefined;
  const head = ['executor', 'node', 'node pool', 'nomad', 'age'];
  const rows = executors.map((executor) => [
    shortId(executor.allocation),
    executor.nodeState ? `${executor.node} (${executor.nodeState})` : executor.node,
    executor.nodePool,
    executor.nomad,
    formatDuration(Math.max(0, executor.ageMs)),
    ...(isWhole ? ownColumns(executor) : []),
  ]);
  return formatTable(isWhole ? [...head, 'state', 'running', 'done'] : head, rows);
};

const ownColumns = ({ state, running, maxRunning, executions }: ExecutorStatus): string[] => [
  state ?? '-',
  running === undefined ? '-' : `${running}/${maxRunning}`,
  executions === undefined ? '-' : String(executions),
];

/** Those that wait for the same reason stand together. */
const pendingText = ({ pending }: PoolStatus): string => {
  const groups = Map.groupBy(pending, ({ reasons }) => reasons.join('; '));
  return [...groups]
    .map(([reasons, same]) => {
      const longest = same.reduce((one, other) => (other.ageMs > one.ageMs ? other : one));
      const why = reasons === '' ? 'Nomad has not said why' : reasons;
      return `Pending: ${same.length} for up to ${formatDuration(Math.max(0, longest.ageMs))}: ${why} (nomad job status ${longest.job})\n`;
    })
    .join('');
};

const failedText = ({ failed }: PoolStatus): string => {
  if (failed.length === 0) return '';
  const last = failed.reduce((one, other) => (other.endedMsAgo < one.endedMsAgo ? other : one));
  const what = failed.length === 1 ? '1 executor' : `${failed.length} executors, the last`;
  return `Failed lately: ${what} ${shortId(last.allocation)} ${formatDuration(Math.max(0, last.endedMsAgo))} ago: ${last.reason}\n`;
};
