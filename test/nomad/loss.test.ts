import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Allocation } from '../../service/cluster/nomad/api/answers.ts';
import type { ExecutionRequestInput } from '../../service/contracts/execution.ts';
import { executorsOf, run } from '../harness/client.ts';
import { processesOf } from '../harness/nomad-leftovers.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello, sleeper } from './programs.ts';

const nomad = useNomad();
const SIZE = 2;

describe('executors on Nomad that are lost', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let dispatcher: Service;

  before(async () => {
    const pools = [
      {
        name: 'any',
        nodePool: 'all',
        minimum: SIZE,
        maximum: 4,
        idleSeconds: 3,
        executor: { maxRunning: 2 },
      },
    ];
    paddock = nomad.install({ prefix: 'loss', pools });
    dispatcher = await paddock.startDispatcher();
  });

  /** As many run as there should be, `without` a node, and the dispatcher knows them and no other. */
  const isFull = (without?: string): Promise<Allocation[]> =>
    waitFor(
      async () => {
        const running = (await paddock.running('any')).filter(({ NodeName }) => NodeName !== without);
        const ready = (await executorsOf(dispatcher.url)).filter(({ state }) => state === 'ready');
        const isKnown = ready.every(({ id }) => running.some(({ ID }) => ID === id));
        return running.length === SIZE && ready.length === SIZE && isKnown && running;
      },
      { what: 'the pool to be full', timeoutMs: 30_000, everyMs: 50 },
    );

  /** Starts a program, and resolves with the allocation where it runs once it does. */
  const begin = async (request: ExecutionRequestInput) => {
    await isFull();
    const result = run(dispatcher.url, request);
    // Told by whoever awaits it; a failing assertion before that must not end the process.
    result.catch(() => {});
    const busy = await waitFor(
      async () => (await executorsOf(dispatcher.url)).find(({ running }) => running > 0),
      { what: 'it to run' },
    );
    const at = (await paddock.running('any')).find(({ ID }) => ID === busy.id);
    assert.ok(at, 'it runs on an allocation of the pool');
    return { at, result };
  };

  test('one whose process is killed: its execution runs elsewhere, and it is replaced', async () => {
    const { at, result } = await begin(sleeper(3));
    const processes = processesOf(`${nomad.cluster.node(at.NodeName).allocationsFolder}/${at.ID}`);
    const own = processes.find(({ command }) => command.includes('nomad-executor.ts'));
    assert.ok(own, `none of ${processes.map(({ command }) => command)}`);
    process.kill(own.pid, 'SIGKILL');
    const { attempts, executor, run: stage } = await result;
    assert.deepEqual([attempts, stage?.stdout], [2, 'begun\ndone\n']);
    assert.notEqual(executor, at.ID);
    const now = await isFull();
    assert.ok(now.every(({ ID }) => ID !== at.ID));
    const end = (await paddock.allocations('any')).find(({ ID }) => ID === at.ID);
    assert.equal(end?.ClientStatus, 'failed');
    assert.ok(!end?.NextAllocation, 'Nomad leaves replacing it to the pool');
  });

  test('one on a node that is drained: what runs there ends well, and the pool is refilled meanwhile', async () => {
    const { at, result } = await begin(sleeper(8));
    const node = nomad.cluster.node(at.NodeName);
    await node.drain(60_000);
    let done = false;
    const note = () => {
      done = true;
    };
    result.then(note, note);
    await isFull(node.name);
    assert.ok(!done, 'the pool is full again before the program ends');
    const { attempts, executor, run: stage } = await result;
    assert.deepEqual([attempts, executor, stage?.stdout], [1, at.ID, 'begun\ndone\n']);
    await waitFor(
      async () =>
        (await paddock.allocations('any')).find(({ ID }) => ID === at.ID)?.ClientStatus === 'complete',
      { what: 'the drained executor to end', timeoutMs: 15_000 },
    );
    await node.endDrain();
  });

  test('one on a node that dies: its execution runs elsewhere at once, and the pool is refilled', async () => {
    const { at, result } = await begin(sleeper(2));
    const node = nomad.cluster.node(at.NodeName);
    const killedAt = performance.now();
    await node.kill();
    const { attempts, executor, run: stage } = await result;
    assert.deepEqual([attempts, stage?.stdout], [2, 'begun\ndone\n']);
    assert.notEqual(executor, at.ID);
    assert.ok(performance.now() - killedAt < 20_000);
    await isFull(node.name);
    await node.start();
    assert.equal(await node.status(), 'ready');
    await run(dispatcher.url, hello);
    assert.equal((await paddock.children('any')).length, SIZE);
  });

  test('while no Nomad server answers executions go on, and afterwards executors are started again', async () => {
    const kept = (await isFull()).map(({ ID }) => ID).sort();
    const { server } = nomad.cluster;
    await server.stop();
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all(Array.from({ length: 4 }, () => run(dispatcher.url, hello)));
      for (const { run: stage, attempts } of results)
        assert.deepEqual([stage?.stdout, attempts], ['hello\n', 1]);
    }
    // More than fit: they wait, and none is lost.
    const burst = Promise.all(
      Array.from({ length: 10 }, () => run(dispatcher.url, { ...sleeper(2), deadlineMs: 90_000 })),
    );
    burst.catch(() => {});
    await server.start();
    const grown = await waitFor(
      async () => {
        const running = await paddock.running('any');
        return running.length > SIZE && running;
      },
      { what: 'the pool to grow', timeoutMs: 60_000, everyMs: 100 },
    );
    assert.ok(
      kept.every((id) => grown.some(({ ID }) => ID === id)),
      'no executor was restarted',
    );
    for (const { run: stage } of await burst) assert.equal(stage?.stdout, 'begun\ndone\n');
    await isFull();
  });
});
