import { z } from 'zod';
import type { NomadCluster } from '../../harness/nomad-cluster.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Program } from '../programs.ts';

/** Programs as one would run them on Nomad without Paddock: each is dispatched as a job of its own, in no sandbox. */
export interface Naive {
  /** Dispatches it, waits for its end and reads what it printed. Answers in ms. @throws on a wrong answer */
  once(source: string): Promise<number>;
}

const JOB = 'one-job-each';
const dispatchedSchema = z.object({ DispatchedJobID: z.string() });
const allocationsSchema = z.array(z.object({ ID: z.string(), ClientStatus: z.string() }));

const jobOf = (program: Program) => ({
  ID: JOB,
  Name: JOB,
  Type: 'batch',
  Datacenters: ['*'],
  ParameterizedJob: { Payload: 'required' },
  TaskGroups: [
    {
      Name: 'run',
      RestartPolicy: { Attempts: 0, Mode: 'fail' },
      ReschedulePolicy: { Attempts: 0, Unlimited: false },
      EphemeralDisk: { SizeMB: 20 },
      Tasks: [
        {
          Name: 'run',
          Driver: 'raw_exec',
          Config: { command: '/usr/bin/python3', args: ['-I', `\${NOMAD_TASK_DIR}/${program.fileName}`] },
          DispatchPayload: { File: program.fileName },
          Resources: { CPU: 100, MemoryMB: 64 },
          LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
        },
      ],
    },
  ],
});

export const openNaive = async (cluster: NomadCluster, program: Program): Promise<Naive> => {
  await cluster.get('/v1/jobs', { method: 'PUT', body: { Job: jobOf(program) } });

  const endOf = (job: string): Promise<string> =>
    waitFor(
      async () => {
        const listed = await cluster.get(`/v1/job/${encodeURIComponent(job)}/allocations`);
        const ended = allocationsSchema.parse(listed).find(({ ClientStatus }) => ClientStatus === 'complete');
        return ended?.ID;
      },
      { what: `${job} to complete`, timeoutMs: 60_000, everyMs: 10 },
    );

  return {
    async once(source) {
      const startedAt = performance.now();
      const body = { Payload: Buffer.from(source).toString('base64') };
      const answer = await cluster.get(`/v1/job/${JOB}/dispatch`, { method: 'POST', body });
      const allocation = await endOf(dispatchedSchema.parse(answer).DispatchedJobID);
      const { text } = await cluster.ask(
        `/v1/client/fs/logs/${allocation}?task=run&type=stdout&origin=start&plain=true`,
      );
      if (text !== program.stdout) throw new Error(`a dispatched program printed ${JSON.stringify(text)}`);
      return performance.now() - startedAt;
    },
  };
};
