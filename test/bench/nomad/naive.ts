import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { NomadCluster } from '../../harness/nomad-cluster.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Program } from '../programs.ts';

/** Programs as one would run them on Nomad without Paddock: each is dispatched as a job of its own, in no sandbox. */
export interface Naive {
  /** By the command line, as a script would; its end and what it printed are then asked for over HTTP. Answers in ms. */
  byCommand(source: string): Promise<number>;
  /** Over HTTP alone, asking a hundred times a second whether it has ended: as fast as it can be. Answers in ms. */
  byApi(source: string): Promise<number>;
}

const JOB = 'one-job-each';
const run = promisify(execFile);
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

  /** @throws where it did not print what it should */
  const timed = async (dispatch: () => Promise<string>): Promise<number> => {
    const startedAt = performance.now();
    const allocation = await endOf(await dispatch());
    const { text } = await cluster.ask(
      `/v1/client/fs/logs/${allocation}?task=run&type=stdout&origin=start&plain=true`,
    );
    if (text !== program.stdout) throw new Error(`a dispatched program printed ${JSON.stringify(text)}`);
    return performance.now() - startedAt;
  };
  const file = join(cluster.folder, program.fileName);
  const env = { ...process.env, ...cluster.environment };
  return {
    byCommand(source) {
      writeFileSync(file, source);
      return timed(async () => {
        const { stdout } = await run('nomad', ['job', 'dispatch', JOB, file], { env });
        const job = /^Dispatched Job ID\s*=\s*(\S+)$/m.exec(stdout)?.[1];
        if (job === undefined) throw new Error(`nomad job dispatch said: ${stdout}`);
        return job;
      });
    },
    byApi: (source) =>
      timed(async () => {
        const body = { Payload: Buffer.from(source).toString('base64') };
        const answer = await cluster.get(`/v1/job/${JOB}/dispatch`, { method: 'POST', body });
        return dispatchedSchema.parse(answer).DispatchedJobID;
      }),
  };
};
