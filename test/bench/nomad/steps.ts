import { z } from 'zod';
import { childJobSchema } from '../../../service/cluster/nomad/api/answers.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { OnNomad } from './open-nomad.ts';
import { POOL } from './open-nomad.ts';

/** When each step of an executor's start was over, in milliseconds since 1970. */
export interface Steps {
  /** Nomad has taken the dispatch. */
  readonly dispatched: number;
  /** Nomad has chosen its node. */
  readonly placed: number;
  /** The node's agent has made the task's folders, and its process runs. */
  readonly started: number;
  /** It listens, by its own word. */
  readonly listening: number;
  /** The dispatcher sends it executions. */
  readonly joined: number;
}

const lineSchema = z.object({
  time: z.number(),
  msg: z.string(),
  executor: z.string().optional(),
  count: z.number().optional(),
});
type Line = z.infer<typeof lineSchema>;

/** Of a log of JSON lines; anything else in it is left out. */
export const linesOf = (log: string): Line[] =>
  log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return lineSchema.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });

/** Waits for the line: logs are written some lines at a time. */
const timeOf = (log: () => string | Promise<string>, message: string, executor: string): Promise<number> =>
  waitFor(
    async () =>
      linesOf(await log()).find(({ msg, executor: of }) => msg === message && of === executor)?.time,
    { what: `"${message}" in a log` },
  );

/** Of an executor that has started just now; asked while it runs, for its job's times change when it is ended. */
export const stepsOf = async (nomad: OnNomad, executor: string): Promise<Steps> => {
  const { cluster, installation, service } = nomad;
  // Nomad's client tells its server what happened up to a second later.
  const { allocation, started } = await waitFor(
    async () => {
      const found = (await installation.allocations(POOL)).find(({ ID }) => ID === executor);
      const event = found?.TaskStates.executor?.Events.find(({ Type }) => Type === 'Started');
      return found && event && { allocation: found, started: event.Time };
    },
    { what: 'Nomad to tell of the start' },
  );
  const jobs = await cluster.get(`/v1/jobs?prefix=${encodeURIComponent(allocation.JobID)}`);
  const [job] = z.array(childJobSchema).parse(jobs);
  if (!job) throw new Error(`Nomad knows no job ${allocation.JobID}`);
  const path = `/v1/client/fs/logs/${executor}?task=executor&type=stdout&origin=start&plain=true`;
  const executorLog = async (): Promise<string> => (await cluster.ask(path)).text;
  return {
    dispatched: job.SubmitTime,
    placed: allocation.CreateTime,
    started,
    listening: await timeOf(executorLog, 'ready', executor),
    joined: await timeOf(service.log, 'an executor joined', executor),
  };
};
