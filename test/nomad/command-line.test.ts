import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { execute, executorsOf, run } from '../harness/client.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello, sleeper } from './programs.ts';

const nomad = useNomad();

describe('the command line of an operator, on a Nomad cluster', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let dispatcher: Service;

  before(async () => {
    const pools = [
      { name: 'any', nodePool: 'all', minimum: 1, maximum: 2 },
      { name: 'fpga', capabilities: ['fpga'], minimum: 0 },
    ];
    paddock = nomad.install({ prefix: 'people', pools });
    dispatcher = await paddock.startDispatcher();
    await run(dispatcher.url, hello);
  });

  test('paddock nomad status joins what Nomad and the leading dispatcher know', async () => {
    const waiting = execute(dispatcher.url, { ...hello, capabilities: ['fpga'], deadlineMs: 5_000 });
    const [executor] = await paddock.hasRunning('any', 1);
    assert.ok(executor);
    await waitFor(
      async () => {
        const { status, stdout, stderr } = await paddock.paddock('nomad', 'status');
        assert.equal(status, 0, stderr);
        return (
          stdout.includes(executor.ID.slice(0, 8)) &&
          stdout.includes(executor.NodeName) &&
          stdout.includes('no node has meta.fpga')
        );
      },
      { what: 'it to tell of the executor, its node, and why there is none in the pool fpga' },
    );
    assert.equal((await waiting).ok, false);
  });

  test('paddock nomad logs shows what an executor has logged, and nothing of programs', async () => {
    const { executor } = await run(dispatcher.url, { ...hello, code: "print('a secret of somebody')" });
    const { status, stdout, stderr } = await paddock.paddock('nomad', 'logs', executor);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /ready/);
    assert.doesNotMatch(stdout, /a secret of somebody/);
  });

  test('paddock nomad drain ends an executor once what runs has finished, and the pool has another', async () => {
    const [before] = await paddock.hasRunning('any', 1);
    assert.ok(before);
    const result = run(dispatcher.url, sleeper(4));
    await waitFor(async () => (await executorsOf(dispatcher.url)).some(({ running }) => running > 0), {
      what: 'it to run',
    });
    const { status, stderr } = await paddock.paddock('nomad', 'drain', before.ID, '--wait');
    assert.equal(status, 0, stderr);
    const { executor, attempts, run: stage } = await result;
    assert.deepEqual([executor, attempts, stage?.stdout], [before.ID, 1, 'begun\ndone\n']);
    const [after] = await paddock.hasRunning('any', 1);
    assert.notEqual(after?.ID, before.ID);
  });

  test("the jobs' actions do the same for people who have Nomad alone", async () => {
    const [before] = await paddock.hasRunning('any', 1);
    assert.ok(before);

    const act = (action: string) =>
      nomad.cluster.nomad(
        ...['action', `-job=${before.JobID}`, `-alloc=${before.ID}`],
        ...['-group=executor', '-task=executor', action],
      );
    const shown = act('status');
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /ready/);
    const drained = act('drain');
    assert.equal(drained.status, 0, drained.stderr);
    await waitFor(
      async () =>
        (await paddock.allocations('any')).find(({ ID }) => ID === before.ID)?.ClientStatus === 'complete',
      { what: 'it to end', timeoutMs: 15_000 },
    );
    await paddock.hasRunning('any', 1);
  });
});
