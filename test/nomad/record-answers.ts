/*
 * Records what a real Nomad answers, for the unit tests of the client: node test/nomad/record-answers.ts, as root, with
 * `nomad` on PATH, then npm run format. Starts an agent of its own with ACLs on, and ends it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { z } from 'zod';
import { freePort } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const answersFolder = join(import.meta.dirname, '../unit/cluster/nomad/answers');
const folder = mkdtempSync(join(tmpdir(), 'paddock-record-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;

/** What makes answers long or belongs to the machine, and is not read. */
const dropped = new Set([
  ...[
    'Job',
    'TaskGroups',
    'Attributes',
    'Metrics',
    'JobSummary',
    'Diff',
    'Events',
    'Details',
    'NomadTokenID',
    'n',
  ],
  ...[
    'TaskResources',
    'SharedResources',
    'Networks',
    'TaskLifecycles',
    'SignedIdentities',
    'SigningKeyID',
    'Address',
  ],
  ...[
    'LastDrain',
    'Drivers',
    'Constraints',
    'Update',
    'UI',
    'VersionTag',
    'Spreads',
    'Affinities',
    'Multiregion',
  ],
  ...[
    'ConsulNamespace',
    'VaultNamespace',
    'Periodic',
    'AllAtOnce',
    'Stable',
    'DesiredTransition',
    'Children',
  ],
  ...[
    'CreatedEvals',
    'PlanAnnotations',
    'Annotations',
    'Scores',
    'AllocationTime',
    'CoalescedFailures',
    'JobType',
  ],
  ...[
    'DiskLimit',
    'DownloadError',
    'DriverError',
    'DriverMessage',
    'FailedSibling',
    'GenericSource',
    'KillError',
  ],
  ...[
    'KillReason',
    'KillTimeout',
    'RestartReason',
    'SetupError',
    'TaskSignal',
    'TaskSignalReason',
    'VaultError',
  ],
  ...['ValidationError', 'StartDelay', 'FailsTask', 'Signal', 'PreemptedAllocations', 'RescheduleTracker'],
]);

const trim = (value: unknown, keep: readonly string[]): unknown => {
  if (Array.isArray(value)) return value.map((item) => trim(item, keep));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !dropped.has(key) || keep.includes(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, trim(item, keep)]));
};

interface Recording {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly keep?: readonly string[];
  /** Of the whole, where nearly all of it is of no use. */
  readonly only?: (body: unknown) => unknown;
}

let token = '';

const ask = async (path: string, { method = 'GET', body, token: other }: Recording) => {
  const answer = await request(`${url}${path}`, {
    method,
    headers: { 'x-nomad-token': other ?? token },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, index: answer.headers['x-nomad-index'], text };
};

const record = async (name: string, path: string, recording: Recording = {}): Promise<unknown> => {
  const { status, index, text } = await ask(path, recording);
  const isJson = /^[{["]/.test(text);
  const body: unknown = isJson ? JSON.parse(text) : text;
  save(name, {
    status,
    ...(index && { index: Number(index) }),
    body: recording.only?.(body) ?? trim(body, recording.keep ?? []),
  });
  return body;
};

const save = (name: string, answer: object): void => {
  mkdirSync(answersFolder, { recursive: true });
  writeFileSync(join(answersFolder, `${name}.json`), `${JSON.stringify(answer, undefined, 2)}\n`);
};

/** The first lines of a stream, until one fits. */
const recordStream = async (name: string, path: string, last: RegExp): Promise<void> => {
  const end = new AbortController();
  const { statusCode, body } = await request(`${url}${path}`, {
    headers: { 'x-nomad-token': token },
    signal: end.signal,
  });
  let text = '';
  try {
    for await (const part of body) {
      text += part;
      if (last.test(text)) break;
    }
  } finally {
    end.abort();
  }
  const lines = text.split('\n').slice(0, -1);
  save(name, { status: statusCode, body: lines.map((line) => trim(JSON.parse(line), ['Events', 'Job'])) });
};

const jobOf = (id: string, constraints: readonly object[]): object => ({
  ID: id,
  Name: id,
  Type: 'batch',
  Datacenters: ['*'],
  ParameterizedJob: { Payload: 'required' },
  Constraints: constraints,
  TaskGroups: [
    {
      Name: 'executor',
      Count: 1,
      Networks: [{ Mode: 'host', DynamicPorts: [{ Label: 'http' }] }],
      RestartPolicy: { Attempts: 0, Mode: 'fail' },
      ReschedulePolicy: { Attempts: 0, Unlimited: false },
      EphemeralDisk: { SizeMB: 50 },
      Tasks: [
        {
          Name: 'executor',
          Driver: 'raw_exec',
          Config: { command: '/bin/sh', args: ['-c', 'echo ready; echo naïve >&2; exec sleep 600'] },
          DispatchPayload: { File: 'order.json' },
          Resources: { CPU: 50, MemoryMB: 20 },
          LogConfig: { MaxFiles: 2, MaxFileSizeMB: 5 },
        },
      ],
    },
  ],
});

const plain = jobOf('paddock-default', []);
const rare = jobOf('paddock-gpu', [{ LTarget: '${meta.gpu}', Operand: 'is_set' }]);
const payload = Buffer.from('{"pool":"default"}').toString('base64');
const nobody = '00000000-0000-0000-0000-000000000000';
const inJob = (id: string, rest = ''): string => `/v1/job/${encodeURIComponent(id)}${rest}`;

const recordJobs = async (): Promise<void> => {
  await record('job-none', '/v1/job/none');
  await record('plan-new', inJob('paddock-gpu', '/plan'), {
    method: 'POST',
    body: { Job: rare, Diff: true },
    only: (body) => ({
      ...z.looseObject({}).parse(trim(body, [])),
      Diff: { Type: z.object({ Diff: z.object({ Type: z.string() }) }).parse(body).Diff.Type },
    }),
  });
  await record('register', '/v1/jobs', { method: 'PUT', body: { Job: plain } });
  const lost = { Job: plain, EnforceIndex: true, JobModifyIndex: 0 };
  await record('register-lost', '/v1/jobs', { method: 'PUT', body: lost });
  await record('register-invalid', '/v1/jobs', { method: 'PUT', body: { Job: { ID: 'x', Type: 'batch' } } });
  await ask('/v1/jobs', { method: 'PUT', body: { Job: rare } });
  await record('job', inJob('paddock-default'));
  const dispatch = { method: 'POST', body: { Payload: payload } } as const;
  const once = inJob('paddock-default', '/dispatch?idempotency_token=one');
  const first = dispatchedSchema.parse(await record('dispatch', once, dispatch));
  await record('dispatch-again', once, dispatch);
  const large = { method: 'POST', body: { Payload: Buffer.alloc(20_000).toString('base64') } } as const;
  await record('dispatch-too-large', inJob('paddock-default', '/dispatch'), large);
  await record('dispatch-none', inJob('none', '/dispatch'), dispatch);
  await recordAllocations(first.DispatchedJobID);

  const second = dispatchedSchema.parse(
    JSON.parse((await ask(inJob('paddock-gpu', '/dispatch'), dispatch)).text),
  );
  const evaluations = inJob(second.DispatchedJobID, '/evaluations');
  await waitFor(async () => (await ask(evaluations, {})).text.includes('"blocked"'), {
    what: 'a blocked evaluation',
  });
  await record('evaluations-blocked', evaluations);
  await record('jobs', '/v1/jobs?prefix=paddock-');
  await record('deregister', inJob(first.DispatchedJobID, '?purge=true'), { method: 'DELETE' });
  await record('deregister-none', inJob('none', '?purge=true'), { method: 'DELETE' });
};

const dispatchedSchema = z.object({ DispatchedJobID: z.string() });

const recordAllocations = async (jobId: string): Promise<void> => {
  const list = '/v1/allocations?resources=true&task_states=true';
  const running = await waitFor(
    async () => {
      const found = z
        .array(z.object({ ID: z.string(), ClientStatus: z.string() }))
        .parse(JSON.parse((await ask(list, {})).text));
      return found.find(({ ClientStatus }) => ClientStatus === 'running');
    },
    { what: `an allocation of ${jobId}`, timeoutMs: 20_000 },
  );
  await record('allocations', list, { keep: ['Events'] });
  await record('allocation', `/v1/allocation/${running.ID}`, { keep: ['Events'] });
  await record('allocation-none', `/v1/allocation/${nobody}`);
  const logs = `/v1/client/fs/logs/${running.ID}?type=stdout&plain=true`;
  await record('logs', `${logs}&task=executor`);
  await record('logs-no-task', `${logs}&task=none`);
};

const recordVariables = async (): Promise<void> => {
  const path = '/v1/var/paddock/signing-key';
  await record('variable-none', path);
  const written = { method: 'PUT', body: { Path: 'paddock/signing-key', Items: { key: 'a' } } } as const;
  await record('variable-put', `${path}?cas=0`, written);
  await record('variable-put-lost', `${path}?cas=0`, written);
  await record('variable', path);

  const lock = '/v1/var/paddock/leader';
  const Lock = { TTL: '10000ms', LockDelay: '1000ms' };
  const taken = { method: 'PUT', body: { Items: { url: 'http://127.0.0.1:1' }, Lock } } as const;
  const held = z
    .object({ ModifyIndex: z.number(), Lock: z.object({ ID: z.string() }) })
    .parse(await record('lock-acquire', `${lock}?lock-acquire`, taken));
  await record('lock-held', `${lock}?lock-acquire`, taken);
  const own = { method: 'PUT', body: { Path: 'paddock/leader', Lock: { ID: held.Lock.ID } } } as const;
  const other = { method: 'PUT', body: { Path: 'paddock/leader', Lock: { ID: nobody } } } as const;
  await record('lock-renew', `${lock}?lock-renew`, own);
  await record('lock-lost', `${lock}?lock-renew`, other);
  const changed = { Path: 'paddock/leader', Items: { url: 'http://127.0.0.1:2' } };
  const cas = `${lock}?cas=${held.ModifyIndex}`;
  await record('variable-put-locked', cas, { method: 'PUT', body: changed });
  await record('lock-release', `${lock}?lock-release`, own);
  await record('lock-release-gone', `${lock}?lock-release`, own);
};

const recordCluster = async (): Promise<void> => {
  const nodes = z.array(z.object({ ID: z.string() })).parse(await record('nodes', '/v1/nodes'));
  await record('node-pools', '/v1/node/pools');
  const drain = `/v1/node/${nodes[0]?.ID}/drain`;
  const begin = { method: 'POST', body: { DrainSpec: { Deadline: 1e9 } } } as const;
  await record('drain', drain, begin);
  await ask(drain, { method: 'POST', body: { DrainSpec: null, MarkEligible: true } });
  await record('keys', '/.well-known/jwks.json');
  const versionSchema = z.object({ config: z.object({ Version: z.object({ Version: z.string() }) }) });
  await record('agent-self', '/v1/agent/self', { only: (body) => versionSchema.parse(body) });
  await record('forbidden', '/v1/allocations', { token: '' });
  await record('unknown-token', '/v1/jobs', { token: nobody });
  await record('events-forbidden', '/v1/event/stream?topic=Allocation', { token: '' });
  await recordStream('events', '/v1/event/stream?topic=Allocation&topic=Job&index=0', /"JobDeregistered"/);
};

const agentConfig = `
name      = "recorder"
bind_addr = "127.0.0.1"
data_dir  = "${folder}/data"
ports {
  http = ${port}
  rpc  = ${await freePort()}
  serf = ${await freePort()}
}
acl { enabled = true }
client {
  options          = { "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean" }
  min_dynamic_port = 30800
  max_dynamic_port = 30900
}
`;

writeFileSync(join(folder, 'agent.hcl'), agentConfig);
const log = openSync(join(folder, 'agent.log'), 'w');
const agent = spawn('nomad', ['agent', '-dev', '-config', join(folder, 'agent.hcl')], {
  stdio: ['ignore', log, log],
  env: { PATH: process.env.PATH },
});
try {
  const secretSchema = z.object({ SecretID: z.string() });
  const bootstrap = async (): Promise<string | undefined> => {
    const answer = await ask('/v1/acl/bootstrap', { method: 'POST' }).catch(() => undefined);
    return answer?.status === 200 ? secretSchema.parse(JSON.parse(answer.text)).SecretID : undefined;
  };
  token = await waitFor(bootstrap, { what: `the agent (log: ${folder}/agent.log)`, timeoutMs: 30_000 });
  const ready = async (): Promise<boolean> => (await ask('/v1/nodes', {})).text.includes('"ready"');
  await waitFor(ready, { what: 'a ready node', timeoutMs: 30_000 });
  await recordJobs();
  await recordVariables();
  await recordCluster();
  await ask(inJob('paddock-default', '?purge=true'), { method: 'DELETE' });
  const stopped = async (): Promise<boolean> =>
    !(await ask('/v1/allocations', {})).text.includes('"ClientStatus":"running"');
  await waitFor(stopped, { what: 'its allocations to end', timeoutMs: 20_000 });
} finally {
  agent.kill('SIGINT');
  if (agent.exitCode === null) await once(agent, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
