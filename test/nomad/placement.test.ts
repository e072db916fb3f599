import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { pendingEventSchema } from '../../service/contracts/execution.ts';
import { execute, run, stream } from '../harness/client.ts';
import { type Installation, poolOf } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello, sleeper } from './programs.ts';

const nomad = useNomad();

const pools = [
  { name: 'plain', minimum: 1, maximum: 4, idleSeconds: 2, executor: { maxRunning: 1 } },
  { name: 'gpu', capabilities: ['gpu'], nodePool: 'accelerated', maximum: 2 },
  { name: 'arm', capabilities: ['arm'], nodePool: 'arm', minimum: 0, maximum: 2, idleSeconds: 2 },
  { name: 'fpga', capabilities: ['fpga'], nodePool: 'all', minimum: 0, maximum: 2, idleSeconds: 1 },
  {
    name: 'huge',
    capabilities: ['arm'],
    nodePool: 'arm',
    constraints: [{ attribute: '${meta.arm}', operator: '=' as const, value: 'true' }],
    minimum: 0,
    idleSeconds: 1,
    executor: { memoryMb: 1_000_000 },
  },
];

describe('executions on a Nomad cluster', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let dispatcher: Service;

  before(async () => {
    paddock = nomad.install({ prefix: 'place', pools: pools.filter(({ name }) => name !== 'huge') });
    dispatcher = await paddock.startDispatcher();
  });

  /** Of the node where the execution ran, as Nomad says. */
  const nodeOf = async (pool: string, executor: string): Promise<string | undefined> =>
    (await paddock.allocations(pool)).find(({ ID }) => ID === executor)?.NodeName;

  for (const { capabilities, pool, node } of [
    { capabilities: [], pool: 'plain', node: 'plain' },
    { capabilities: ['gpu'], pool: 'gpu', node: 'gpu' },
    { capabilities: ['arm'], pool: 'arm', node: 'arm' },
  ]) {
    test(`one that needs ${capabilities[0] ?? 'nothing special'} runs on the node ${node}`, async () => {
      const result = await run(dispatcher.url, { ...hello, capabilities, deadlineMs: 30_000 });
      assert.equal(result.run?.stdout, 'hello\n');
      assert.equal(await nodeOf(pool, result.executor), node);
    });
  }

  test('a pool with minimum 0 shrinks to nothing after its idle time, and starts again on demand', async () => {
    const gone = () =>
      waitFor(async () => (await paddock.children('arm')).length === 0, {
        what: 'the pool arm to be empty',
        timeoutMs: 15_000,
        everyMs: 100,
      });
    await gone();
    const before = (await paddock.allocations('arm')).map(({ ID }) => ID);
    const result = await run(dispatcher.url, { ...hello, capabilities: ['arm'], deadlineMs: 30_000 });
    assert.ok(!before.includes(result.executor), 'another executor was started for it');
    assert.ok(result.timings.queuedMs > 0);
    await gone();
    const ended = await waitFor(
      async () => {
        const states = (await paddock.allocations('arm')).map(({ ClientStatus }) => ClientStatus);
        return !states.includes('running') && states;
      },
      { what: 'its executors to end' },
    );
    assert.deepEqual([...new Set(ended)], ['complete'], 'executors that are not needed end gracefully');
  });

  test('where no node has it, the caller gets a typed error with the reason that Nomad gives', async () => {
    const answering = execute(dispatcher.url, { ...hello, capabilities: ['fpga'], deadlineMs: 4_000 });
    const pool = await waitFor(
      async () => {
        const found = await poolOf(dispatcher.url, 'fpga');
        return found.pending && found.pending.length > 0 && found;
      },
      { what: 'the pool to say why it has no executor', timeoutMs: 4_000 },
    );
    assert.deepEqual(pool.pending, [{ reason: 'no node has meta.fpga' }]);
    assert.equal(pool.launched?.placed, 0);
    assert.ok((pool.launched?.pending ?? 0) >= 1);
    const answer = await answering;
    assert.ok(!answer.ok);
    assert.equal(answer.status, 503);
    assert.equal(answer.problem.code, 'no-node');
    assert.match(answer.problem.detail ?? '', /no node has meta\.fpga/);
    assert.ok(answer.ms >= 3_900 && answer.ms < 6_000, `it took ${answer.ms} ms`);
  });

  test('one that waits for a node is told so as server-sent events', async () => {
    const told: string[][] = [];
    let end: unknown;
    const request = { ...hello, capabilities: ['fpga'], deadlineMs: 4_000 };
    for await (const { event, data } of stream(dispatcher.url, request)) {
      if (event === 'pending') told.push(pendingEventSchema.parse(data).reasons);
      else end = data;
    }
    assert.ok(
      told.some((reasons) => reasons.includes('no node has meta.fpga')),
      JSON.stringify(told),
    );
    assert.partialDeepStrictEqual(end, { code: 'no-node', status: 503 });
  });

  test('what nobody waits for any more is not kept in Nomad to be placed some day', async () => {
    await waitFor(async () => (await paddock.children('fpga')).length === 0, {
      what: 'the pool fpga to ask for nothing',
      timeoutMs: 15_000,
      everyMs: 100,
    });
  });

  test('nodes that have it, but no room for it, are a reason as well', async () => {
    const full = nomad.install({ prefix: 'full', pools: pools.filter(({ name }) => name === 'huge') });
    const own = await full.startDispatcher();
    const answer = await execute(own.url, { ...hello, capabilities: ['arm'], deadlineMs: 4_000 });
    assert.ok(!answer.ok);
    assert.equal(answer.problem.code, 'no-node');
    assert.match(answer.problem.detail ?? '', /memory is exhausted on 1 node/);
    await own.stop();
  });

  test('a burst is answered in one step, never beyond the maximum, and given back after the idle time', async () => {
    await paddock.hasRunning('plain', 1);
    const known = new Set(await paddock.children('plain'));
    const answers = Array.from({ length: 12 }, () =>
      run(dispatcher.url, { ...sleeper(2), deadlineMs: 60_000 }),
    );
    let most = 0;
    let settled = false;
    const all = Promise.all(answers).finally(() => {
      settled = true;
    });
    await waitFor(
      async () => {
        most = Math.max(most, (await paddock.children('plain')).length);
        return settled;
      },
      { what: 'all of them to end', timeoutMs: 60_000 },
    );
    for (const { run: stage } of await all) assert.equal(stage?.stdout, 'begun\ndone\n');
    assert.equal(most, 4);
    const added = (await paddock.allocations('plain')).filter(({ JobID }) => !known.has(JobID));
    assert.equal(added.length, 3);
    const times = added.map(({ CreateTime }) => CreateTime);
    const spread = Math.max(...times) - Math.min(...times);
    assert.ok(spread < 1_000, `they were started within ${spread} ms`);
    await paddock.hasRunning('plain', 1);
  });
});
