import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { executorsOf, run } from '../harness/client.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import { repository } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello } from './programs.ts';

const nomad = useNomad({ acl: true });
const REPLICAS = 2;

const instanceSchema = z.array(z.object({ Address: z.string(), Port: z.number(), AllocID: z.string() }));
const deploymentSchema = z.object({ Status: z.string(), JobVersion: z.number() }).nullable();
const jobSchema = z.object({ Version: z.number() });

const isConnectionRefused = ({ cause }: Error): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';

/** As people do it: the policy, then the job file, with the nomad command line alone. */
describe('dispatchers as a Nomad job', { skip: nomad.skip }, () => {
  let paddock: Installation;

  const runJob = (environment: Record<string, string>): void => {
    const variables = {
      home: repository,
      pools_file: paddock.poolsFile,
      environment: JSON.stringify({
        PADDOCK_STATE_DIR: `${nomad.cluster.folder}/dispatchers`,
        ...environment,
      }),
    };
    const flags = Object.entries(variables).map(([name, value]) => `-var=${name}=${value}`);
    const file = join(repository, 'nomad/jobs/dispatcher.nomad.hcl');
    const { status, stdout, stderr } = nomad.cluster.nomad('job', 'run', '-detach', ...flags, file);
    assert.equal(status, 0, stdout + stderr);
  };

  /** Where the service is, as whoever calls it asks Nomad. */
  const instances = async () => instanceSchema.parse(await nomad.cluster.get('/v1/service/paddock'));
  const urls = async (): Promise<string[]> =>
    (await instances()).map(({ Address, Port }) => `http://${Address}:${Port}`);

  const version = async (): Promise<number> =>
    jobSchema.parse(await nomad.cluster.get('/v1/job/paddock-dispatcher')).Version;
  const isDeployed = async (): Promise<boolean> => {
    const answer = await nomad.cluster.get('/v1/job/paddock-dispatcher/deployment');
    const deployment = deploymentSchema.parse(answer);
    if (deployment?.Status === 'failed') throw new Error('the deployment failed');
    return deployment?.JobVersion === (await version()) && deployment.Status === 'successful';
  };

  before(() => {
    paddock = nomad.install({ prefix: 'paddock', pools: [{ name: 'plain', minimum: 1, maximum: 2 }] });
    const policy = join(repository, 'nomad/acl/dispatcher.policy.hcl');
    const target = ['-namespace=default', '-job=paddock-dispatcher'];
    const { status, stderr } = nomad.cluster.nomad(
      ...['acl', 'policy', 'apply', ...target, 'paddock-dispatcher', policy],
    );
    assert.equal(status, 0, stderr);
  });

  test('come up, find each other and serve', async () => {
    runJob({});
    await waitFor(isDeployed, { what: 'the job to be deployed', timeoutMs: 90_000, everyMs: 200 });
    const found = await urls();
    assert.equal(found.length, REPLICAS);
    for (const url of found) assert.equal((await run(url, hello)).run?.stdout, 'hello\n');
    assert.equal((await paddock.running('plain')).length, 1, 'they share one pool');
  });

  test('are updated one after the other without a failed request, and executors go on', async () => {
    const before = await instances();
    const executors = (await paddock.running('plain')).map(({ ID }) => ID);
    let updating = true;
    let answered = 0;
    const failures: string[] = [];
    /** As a load balancer: Nomad lists a service from its task's start on, so one that does not listen yet is passed over. */
    const callOne = async (all: readonly string[]): Promise<void> => {
      for (const url of all) {
        const outcome = await run(url, hello).catch((error: Error) => error);
        if (!(outcome instanceof Error)) answered++;
        else if (isConnectionRefused(outcome)) continue;
        else failures.push(`${url}: ${outcome.message}`);
        return;
      }
      failures.push(`nobody listens: ${all.join(', ') || 'no dispatcher is registered'}`);
    };
    const call = async (): Promise<void> => {
      for (let round = 0; updating; round++) {
        const all = await urls();
        const first = round % Math.max(1, all.length);
        await callOne([...all.slice(first), ...all.slice(0, first)]);
      }
    };
    const callers = [call(), call()];
    try {
      runJob({ PADDOCK_QUEUE_LIMIT: '99' });
      await waitFor(isDeployed, { what: 'the update to be deployed', timeoutMs: 120_000, everyMs: 200 });
      const old = new Set(before.map(({ AllocID }) => AllocID));
      const isReplaced = async () => (await instances()).every(({ AllocID }) => !old.has(AllocID));
      await waitFor(isReplaced, { what: 'the old ones to be gone', timeoutMs: 30_000, everyMs: 100 });
    } finally {
      updating = false;
      await Promise.all(callers);
    }
    assert.deepEqual(failures, []);
    assert.ok(answered > 20, `${answered} requests`);
    assert.deepEqual(
      (await paddock.running('plain')).map(({ ID }) => ID),
      executors,
    );
    for (const url of await urls())
      assert.deepEqual(
        (await executorsOf(url)).map(({ id }) => id),
        executors,
      );
  });
});
