import { setTimeout as wait } from 'node:timers/promises';
import type { Allocation, NodeInfo } from '../../cluster/nomad/api/answers.ts';
import { endOf } from '../../cluster/nomad/child.ts';
import type { CliContext, NomadAccess } from '../context.ts';
import { startProgress } from '../progress.ts';
import { formatDuration } from '../table.ts';
import { hasEnded, type NomadExecutor, shortId } from './executors.ts';

const LOOK_EVERY_MS = 500;

export interface Followed {
  /** For the line that shows that it goes on. */
  readonly what: string;
  readonly executors: readonly NomadExecutor[];
  /** Followed until Nomad has moved everything else from it as well. */
  readonly node?: NodeInfo | undefined;
  /** What to say when the user stops following. */
  readonly interrupted: string;
}

/** Tells of each executor when it has ended; resolves when all have, and the node is drained. */
export const followUntilEmpty = async (
  context: CliContext,
  nomad: NomadAccess,
  followed: Followed,
): Promise<void> => {
  const started = context.now();
  const left = new Map(followed.executors.flatMap(({ allocation: own }) => (own ? [[own.ID, own]] : [])));
  let progress = startProgress(context, followed.what);
  const tell = (text: string): void => {
    progress.stop();
    context.stdout.write(`${text}\n`);
    progress = startProgress(context, followed.what);
  };
  try {
    let toldOfOthers = false;
    for (;;) {
      for (const [id, told] of await endedAmong(nomad, left)) {
        left.delete(id);
        tell(
          `${shortId(id)} has ended after ${formatDuration(context.now() - started)}${told ? `: ${endOf(told)}` : ''}`,
        );
      }
      if (left.size === 0) {
        if (!followed.node || !(await isDraining(nomad, followed.node))) return;
        if (!toldOfOthers && followed.executors.length > 0) tell('No executor is left; Nomad ends the rest.');
        toldOfOthers = true;
      }
      await wait(LOOK_EVERY_MS, undefined, { signal: context.signal });
    }
  } catch (error) {
    progress.stop();
    if (context.signal.aborted) context.stderr.write(followed.interrupted);
    throw error;
  } finally {
    progress.stop();
  }
};

/** Nomad forgets what has ended, and what is purged at once. */
const endedAmong = async (
  { api, prefix }: NomadAccess,
  left: ReadonlyMap<string, Allocation>,
): Promise<[string, Allocation | undefined][]> => {
  if (left.size === 0) return [];
  const { allocations } = await api.allocations.list(`${prefix}-`);
  const byId = new Map(allocations.map((one) => [one.ID, one]));
  return [...left.keys()].flatMap((id): [string, Allocation | undefined][] => {
    const current = byId.get(id);
    return !current || hasEnded(current) ? [[id, current]] : [];
  });
};

const isDraining = async ({ api }: NomadAccess, { ID }: NodeInfo): Promise<boolean> =>
  (await api.nodes.find(ID))?.Drain === true;
