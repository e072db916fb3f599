import type { Launched } from '../../cluster/port.ts';
import type { LaunchedCounts } from '../../contracts/execution.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import { isUsable, type Member } from '../member.ts';

/** A pool at one moment: what the cluster says of its executors, and what they say of themselves. */
export interface PoolView {
  readonly spec: PoolSpec;
  /** Executors that take executions now. */
  readonly usable: number;
  /** Executions of all dispatchers, on executors that do not drain. */
  readonly running: number;
  /** Of one usable executor, at the mean. */
  readonly slots: number | undefined;
  readonly launched: readonly Launched[];
  /** Those that serve or will: asked for or on a node, and neither retiring nor draining. */
  readonly supply: readonly Launched[];
  readonly counts: LaunchedCounts;
  /** Why those that are pending are. */
  readonly reasons: readonly string[];
}

export const runningOn = (member: Member): number => member.inFlight + member.others;

const isDraining = (member: Member | undefined): boolean =>
  member !== undefined && (member.ending || member.status?.state === 'draining');

/** Every pool that has a specification, in their order. */
export const viewPools = (
  specs: readonly PoolSpec[],
  members: Iterable<Member>,
  launched: readonly Launched[],
): PoolView[] => {
  const membersOf = Map.groupBy(members, ({ address }) => address.pool);
  const launchedOf = Map.groupBy(launched, ({ pool }) => pool);
  return specs.map((spec) => viewPool(spec, membersOf.get(spec.name) ?? [], launchedOf.get(spec.name) ?? []));
};

const viewPool = (spec: PoolSpec, members: readonly Member[], launched: readonly Launched[]): PoolView => {
  const usable = members.filter(isUsable);
  const draining = new Set(members.filter(isDraining).map(({ address }) => address.id));
  const sum = (of: readonly Member[], figure: (member: Member) => number): number =>
    of.reduce((total, member) => total + figure(member), 0);
  const slots = sum(usable, ({ status }) => status?.maxRunning ?? 0);
  const inState = (state: Launched['state']): Launched[] => launched.filter((one) => one.state === state);
  return {
    spec,
    usable: usable.length,
    running: sum(
      members.filter((member) => !isDraining(member)),
      runningOn,
    ),
    slots: usable.length > 0 ? Math.max(1, Math.floor(slots / usable.length)) : undefined,
    launched,
    supply: launched.filter(
      ({ state, executor }) => state !== 'retiring' && !(executor !== undefined && draining.has(executor)),
    ),
    counts: {
      pending: inState('pending').length,
      placed: inState('placed').length,
      retiring: inState('retiring').length,
    },
    reasons: [...new Set(inState('pending').flatMap(({ reasons }) => reasons))],
  };
};
