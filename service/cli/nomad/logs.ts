import { setTimeout as wait } from 'node:timers/promises';
import type { Allocation } from '../../cluster/nomad/api/answers.ts';
import { NomadError } from '../../cluster/nomad/api/errors.ts';
import type { NomadApi } from '../../cluster/nomad/api/port.ts';
import { endOf } from '../../cluster/nomad/child.ts';
import { type CliContext, CliError, type NomadAccess, UsageError } from '../context.ts';
import { parseCount, single } from '../option-values.ts';
import { findExecutor, hasEnded, listPools, shortId } from './executors.ts';
import { renderLogLine } from './log-line.ts';
import { readLog, type Tail } from './log-source.ts';
import type { NomadOptions } from './with-nomad.ts';

export interface LogsOptions extends NomadOptions {
  executor: string;
  follow?: boolean | undefined;
  stderr?: boolean | undefined;
  tail?: string | undefined;
  json?: boolean | undefined;
}

/** Nomad's streams do not end with the task, so whether it has ended is looked at this often. */
const LOOK_EVERY_MS = 1_000;
/** The last of a task's output reaches Nomad's log files within this. */
const LAST_LINES_MS = 500;

/** `paddock nomad logs`: what an executor has written. */
export const logs = async (
  context: CliContext,
  { api, prefix }: NomadAccess,
  options: LogsOptions,
): Promise<number> => {
  const tail = options.tail === undefined ? undefined : parseTail(options.tail);
  const executor = findExecutor(await listPools(api, prefix), options.executor);
  if (!executor)
    throw new CliError(
      `there is no executor ${options.executor}; those that have ended are gone after a while. See paddock nomad status`,
    );
  const { allocation } = executor;
  if (!allocation)
    throw new CliError(`${executor.jobId} has no node yet, so it has no log: see paddock nomad status`);
  const follow = options.follow === true && !hasEnded(allocation);
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  const end = follow ? watchEnd(api, allocation.ID, ending) : undefined;
  try {
    const wish = { type: options.stderr ? 'stderr' : 'stdout', tail, follow } as const;
    for await (const line of readLog(api.allocations, allocation.ID, wish, signal)) {
      context.stdout.write(`${options.json ? line : renderLogLine(line, context.colours)}\n`);
    }
  } catch (error) {
    throw notStarted(error, allocation) ?? error;
  } finally {
    ending.abort();
  }
  const last = options.follow ? ((await end) ?? allocation) : undefined;
  if (last && hasEnded(last))
    context.stderr.write(`The executor ${shortId(last.ID)} has ended: ${endOf(last)}\n`);
  return context.signal.aborted ? 130 : 0;
};

/** Stops the following once the allocation has ended; answers how, or undefined where it was stopped otherwise. */
const watchEnd = async (
  api: NomadApi,
  id: string,
  following: AbortController,
): Promise<Allocation | undefined> => {
  try {
    for (;;) {
      await wait(LOOK_EVERY_MS, undefined, { signal: following.signal });
      const allocation = await api.allocations.get(id);
      if (allocation && !hasEnded(allocation)) continue;
      await wait(LAST_LINES_MS, undefined, { signal: following.signal });
      following.abort();
      return allocation;
    }
  } catch {
    // Nomad cannot be asked for now, or nobody follows any more: the stream itself tells what matters.
    return undefined;
  }
};

const notStarted = (error: unknown, { ID, ClientStatus }: Allocation): CliError | undefined =>
  error instanceof NomadError && error.status === 404
    ? new CliError(
        ClientStatus === 'pending'
          ? `the executor ${shortId(ID)} has not started yet; try again in a moment`
          : `there is no log of ${shortId(ID)}: it never started, or its node has cleaned up. See nomad alloc status ${shortId(ID)}`,
        1,
        { cause: error },
      )
    : undefined;

const sizes: Readonly<Record<string, number>> = { b: 1, k: 1_024, m: 1_024 ** 2 };

/** `50`: lines; `64k`, `1m`, `500b`: bytes. */
const parseTail = (text: unknown): Tail => {
  const value = single('--tail', text);
  const match = /^(\d+)([bkm])$/i.exec(value);
  if (!match) return { lines: parseCount('--tail', value) };
  const bytes = Number(match[1]) * (sizes[match[2]?.toLowerCase() ?? 'b'] ?? 1);
  if (bytes < 1 || !Number.isSafeInteger(bytes)) throw new UsageError(`--tail "${value}" is no size`);
  return { bytes };
};
