import { styleText } from 'node:util';
import { renderJobDiff } from '../../cluster/nomad/job-diff.ts';
import { reasonsOf } from '../../cluster/nomad/pending.ts';
import {
  type PlannedPool,
  planPools,
  type Registered,
  registerPools,
  removePool,
  type StalePool,
  stalePools,
} from '../../cluster/nomad/register.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import { type CliContext, CliError, type NomadAccess, UsageError } from '../context.ts';
import type { NomadOptions } from './with-nomad.ts';

export interface RegisterOptions extends NomadOptions {
  apply?: boolean | undefined;
  removeStale?: boolean | undefined;
  json?: boolean | undefined;
}

/** As with diff: 1 says that something would change, so a failure is 2. */
export const registerFailure = 2;

interface Plan {
  readonly pools: readonly PlannedPool[];
  readonly stale: readonly StalePool[];
  readonly specs: readonly PoolSpec[];
}

/** `paddock nomad register`: shows what would change, and changes it with `apply`. */
export const register = async (
  context: CliContext,
  nomad: NomadAccess,
  options: RegisterOptions,
): Promise<number> => {
  refuseToEmpty(context, options);
  const { specs, settings } = nomad.pools();
  const [pools, stale] = await Promise.all([
    planPools(nomad.api, specs, settings).catch(asCliError),
    stalePools(nomad.api, specs, nomad.prefix),
  ]);
  const plan: Plan = { pools, stale, specs };
  if (!options.json) showPlan(context, plan, options);
  if (!options.apply) {
    if (options.json) writeJson(context, { applied: false, ...jsonOfPlan(plan) });
    return changes(plan, options) > 0 ? 1 : 0;
  }
  const registered = await registerPools(nomad.api, specs, settings);
  const removed = await removeStale(nomad, stale, options, registered);
  if (options.json) writeJson(context, { applied: true, ...jsonOfOutcome(registered, stale, removed) });
  else showOutcome(context, registered, removed);
  return registered.some(({ outcome }) => outcome === 'failed') ? registerFailure : 0;
};

/** Without a file there is one usual pool, so that every other one would count as stale. */
const refuseToEmpty = ({ env }: CliContext, { removeStale: wanted, pools }: RegisterOptions): void => {
  if (wanted && pools === undefined && !env.PADDOCK_POOLS_FILE)
    throw new UsageError(
      '--remove-stale needs --pools or PADDOCK_POOLS_FILE: which pools are there to stay?',
    );
};

/** That a job of this name is no pool's is a fault of the configuration, not of Nomad. */
const asCliError = (error: unknown): never => {
  if (error instanceof Error && error.name === 'Error')
    throw new CliError(error.message, registerFailure, { cause: error });
  throw error;
};

const changes = ({ pools, stale }: Plan, options: RegisterOptions): number =>
  pools.filter(({ change }) => change !== 'unchanged').length + (options.removeStale ? stale.length : 0);

/** Where a pool failed nothing is removed: whoever renamed one would be left with neither. */
const removeStale = async (
  nomad: NomadAccess,
  stale: readonly StalePool[],
  options: RegisterOptions,
  registered: readonly Registered[],
): Promise<readonly StalePool[]> => {
  if (!options.removeStale || registered.some(({ outcome }) => outcome === 'failed')) return [];
  for (const pool of stale) await removePool(nomad.api, pool);
  return stale;
};

const words = {
  create: 'is new',
  update: 'changes',
  unchanged: 'is unchanged',
} as const satisfies Record<PlannedPool['change'], string>;

const showPlan = (context: CliContext, plan: Plan, options: RegisterOptions): void => {
  const { stdout } = context;
  for (const { pool, jobId, change, plan: planned } of plan.pools) {
    stdout.write(`Pool ${pool} ${words[change]} (job ${jobId})\n`);
    if (change !== 'unchanged' && planned.Diff)
      stdout.write(`\n${renderJobDiff(planned.Diff, { colour: context.colours })}\n\n`);
    if (planned.Warnings) stdout.write(`${yellow(context, 'Nomad warns:')} ${planned.Warnings.trim()}\n`);
    const reasons = placementFailures(plan, { pool, plan: planned });
    if (reasons.length > 0)
      stdout.write(`${yellow(context, 'No executor can be placed now:')} ${reasons.join('; ')}\n`);
  }
  for (const { pool, jobId, executors } of plan.stale) {
    const which = options.removeStale ? 'is removed' : 'stays until it is removed with --remove-stale';
    stdout.write(
      `Pool ${pool} is not configured any more (job ${jobId}, ${counted(executors.length)}): it ${which}\n`,
    );
  }
  if (options.apply) return;
  stdout.write(
    changes(plan, options) === 0
      ? '\nNothing to change.\n'
      : `\nThis was a dry run. To make it so: ${commandToApply(options)}\n`,
  );
};

const placementFailures = ({ specs }: Plan, { pool, plan }: Pick<PlannedPool, 'pool' | 'plan'>): string[] => {
  const spec = specs.find(({ name }) => name === pool);
  return spec ? Object.values(plan.FailedTGAllocs).flatMap((metrics) => reasonsOf(metrics, spec)) : [];
};

const commandToApply = ({ pools, prefix, removeStale: remove }: RegisterOptions): string =>
  [
    'paddock nomad register --apply',
    ...(pools === undefined ? [] : [`--pools ${pools}`]),
    ...(prefix === undefined ? [] : [`--prefix ${prefix}`]),
    ...(remove ? ['--remove-stale'] : []),
  ].join(' ');

const showOutcome = (
  context: CliContext,
  registered: readonly Registered[],
  removed: readonly StalePool[],
): void => {
  for (const result of registered) {
    if (result.outcome === 'failed')
      context.stderr.write(`paddock: the job ${result.jobId} was not registered: ${result.error.message}\n`);
    else if (result.outcome !== 'unchanged') context.stdout.write(`${result.outcome} ${result.jobId}\n`);
  }
  for (const { jobId, executors } of removed) {
    const rest = executors.length > 0 ? `; ${counted(executors.length)} finish what they run, and end` : '';
    context.stdout.write(`removed ${jobId}${rest}\n`);
  }
  const isSame = removed.length === 0 && registered.every(({ outcome }) => outcome === 'unchanged');
  if (isSame) context.stdout.write('\nNothing to change.\n');
};

const counted = (executors: number): string => (executors === 1 ? '1 executor' : `${executors} executors`);

const yellow = (context: CliContext, text: string): string =>
  context.colours ? styleText('yellow', text, { validateStream: false }) : text;

const jsonOfStale = (stale: readonly StalePool[], removed: readonly StalePool[]) =>
  stale.map((pool) => ({
    ...{ pool: pool.pool, job: pool.jobId, executors: pool.executors.length },
    removed: removed.includes(pool),
  }));

const jsonOfPlan = (plan: Plan) => ({
  pools: plan.pools.map(({ pool, jobId, change, plan: planned }) => ({
    ...{ pool, job: jobId, change, diff: planned.Diff ?? null, warnings: planned.Warnings },
    failures: placementFailures(plan, { pool, plan: planned }),
  })),
  stale: jsonOfStale(plan.stale, []),
});

const jsonOfOutcome = (
  registered: readonly Registered[],
  stale: readonly StalePool[],
  removed: readonly StalePool[],
) => ({
  pools: registered.map((result) => ({
    ...{ pool: result.pool, job: result.jobId, outcome: result.outcome },
    ...(result.outcome === 'failed' ? { error: result.error.message } : { warnings: result.warnings }),
  })),
  stale: jsonOfStale(stale, removed),
});

const writeJson = (context: CliContext, value: object): void => {
  context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};
