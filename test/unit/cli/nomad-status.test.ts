import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allocation, child, executorId, fakeNomad, jobOf, node, otherId } from './fake-nomad.ts';
import { paddock, startFakeService } from './fake-service.ts';

const nowhere = 'http://127.0.0.1:1';

const executor = (id: string) => ({
  ...{ id, node: 'alpha', state: 'ready', startedAt: '', capabilities: [], running: 1, maxRunning: 4 },
  ...{ warm: [], warmBytes: 0, warmBudgetBytes: 0, rssBytes: 0, pool: 'default', lastSeenMs: 0 },
  isolation: { sandbox: 'none', cgroup: 'none', distinctUids: false, seccomp: false, weaker: [] },
  counters: {
    ...{ executions: 12, sandboxesCreated: 0, sandboxesFailed: 0, sandboxesForked: 0, forkFallbacks: 0 },
    ...{ warmHits: 0, warmMisses: 0, internalErrors: 0 },
  },
});

const startService = (ids: readonly string[]) =>
  startFakeService({
    '/v1/executors': { body: { executors: ids.map(executor) } },
    '/v1/pools': {
      body: {
        leader: true,
        pools: [
          {
            ...{ name: 'default', executors: 1, capabilities: [], running: 1, room: 3, runtimes: [] },
            ...{ minimum: 1, maximum: 8, wanted: 2 },
          },
        ],
      },
    },
  });

describe('paddock nomad status', () => {
  test("joins Nomad's view with the service's", async () => {
    const service = await startService([executorId]);
    const second = allocation({ ID: otherId, JobID: jobOf('default', '00000002') });
    const { port, calls } = fakeNomad({
      children: [child('default'), child('default', { ID: jobOf('default', '00000002') })],
      allocations: [allocation(), second],
      nodes: [node({ Drain: true })],
      leader: { dispatcher: 'd1', url: service.url },
    });
    // Nobody named a service: the leading dispatcher is asked.
    const ran = await paddock(['nomad', 'status'], { nomad: port });
    await service.close();
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^Leading dispatcher: d1 at http/);
    assert.match(ran.stdout, /Pool default: minimum 1, maximum 8, wanted 2, executors 2\n/);
    assert.match(ran.stdout, /466f1652 +alpha \(draining\) +default +running +1 min 30 s +ready +1\/4 +12\n/);
    assert.match(ran.stdout, /466fffff .* not joined +- +-\n/);
    assert.deepEqual(calls, ['close']);
  });

  test('says so where no service answers, and shows the rest', async () => {
    const { port } = fakeNomad();
    const ran = await paddock(['nomad', 'status'], { nomad: port, url: nowhere });
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /Leading dispatcher: none/);
    assert.match(ran.stdout, /Only Nomad's part is shown: .*127\.0\.0\.1:1/);
    assert.match(ran.stdout, /EXECUTOR +NODE +NODE POOL +NOMAD +AGE\n466f1652/);
  });

  test('tells what waits and why, what has failed and why, and what ends', async () => {
    const failed = allocation({
      ...{ ID: otherId, JobID: jobOf('default', '00000003'), ClientStatus: 'failed' },
      TaskStates: {
        executor: {
          ...{ State: 'dead', Failed: true },
          Events: [
            { Type: 'Driver Failure', DisplayMessage: 'no such file', Time: 1 },
            { Type: 'Not Restarting', DisplayMessage: 'Policy allows no restarts', Time: 2 },
          ],
        },
      },
    });
    const { port } = fakeNomad({
      children: [
        child('default', { Stop: true }),
        child('default', { ID: jobOf('default', '00000002'), Status: 'pending' }),
        child('default', { ID: jobOf('default', '00000003'), Status: 'dead' }),
      ],
      allocations: [allocation(), failed],
    });
    const ran = await paddock(['nomad', 'status', 'default'], { nomad: port, url: nowhere });
    assert.match(ran.stdout, /executors 1, pending 1\n/);
    assert.match(ran.stdout, /466f1652 +alpha +default +ending/);
    assert.match(ran.stdout, /Pending: 1 for up to .*: no node has meta\.gpu \(nomad job status paddock-def/);
    assert.match(ran.stdout, /Failed lately: 1 executor 466fffff 1 min 0 s ago: no such file\n/);
    const json = await paddock(['nomad', 'status', '--json'], { nomad: port, url: nowhere });
    const [pool] = JSON.parse(json.stdout).pools;
    assert.equal(pool.executors[0].nomad, 'ending');
    assert.deepEqual(pool.pending[0].reasons, ['no node has meta.gpu']);
  });

  test('notices a service of another installation, and pools that are not there', async () => {
    const service = await startService(['aaaaaaaa-1']);
    const { port } = fakeNomad();
    const ran = await paddock(['nomad', 'status'], { nomad: port, url: service.url });
    await service.close();
    assert.match(ran.stdout, /executors that Nomad does not have here \(aaaaaaaa\)/);
    const none = await paddock(['nomad', 'status', 'fast'], { nomad: port, url: nowhere });
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no pool fast; there are default/);
    const empty = fakeNomad({ pools: [], children: [], allocations: [] });
    const shown = await paddock(['nomad', 'status'], { nomad: empty.port, url: nowhere });
    assert.match(shown.stdout, /No pool is registered in namespace default with the prefix paddock/);
  });

  test('does without what a token may not read, and says what is enough where that does not do', async () => {
    const viewer = fakeNomad({ refused: { variable: 403, nodes: 403 } });
    const ran = await paddock(['nomad', 'status'], { nomad: viewer.port, url: nowhere });
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /unknown \(this token may not read the variable paddock\/leader\)/);
    assert.match(ran.stdout, /466f1652 +alpha +default/);
    const stranger = fakeNomad({ refused: { list: 403 } });
    const refused = await paddock(['nomad', 'status'], { nomad: stranger.port, url: nowhere });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Permission denied\n.*nomad\/acl\/viewer\.policy\.hcl/);
    assert.deepEqual(stranger.calls, ['close']);
  });
});
