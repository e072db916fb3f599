import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../../service/cluster/clock.ts';
import type { PoolSpec } from '../../../../service/contracts/pool.ts';
import { poolsResponseSchema } from '../../../../service/contracts/service.ts';
import { type FakeExecutor, startFakeExecutor } from '../fake-executor.ts';
import { type HarnessOptions, hello, start, tokenNumber, until } from '../harness.ts';
import { createFakeElastic, spec } from './fake-elastic.ts';

const timeout = 10_000;
const plain = spec({ minimum: 0, maximum: 4 });
const gpu = spec({ name: 'gpu', capabilities: ['gpu'], minimum: 0, maximum: 4 });
const onGpu = { ...hello, capabilities: ['gpu'] };

const startElastic = async (t: TestContext, specs: PoolSpec[], options: HarnessOptions = {}) => {
  const elastic = createFakeElastic(specs, systemClock.epoch);
  const harness = await start(t, { executors: [], elastic, ...options });
  const launched = (pool: string): Promise<void> => until(() => elastic.list(pool).length > 0);
  /** What is pending becomes an executor that answers everything. */
  const join = async (pool = 'default', status: FakeExecutor['status'] = {}): Promise<FakeExecutor> => {
    await launched(pool);
    const [id] = elastic.place(pool);
    assert.ok(id);
    const executor = await startFakeExecutor(id, { capabilities: [], ...status }, pool);
    executor.onArrived = (one) => one.answer();
    harness.cluster.join(executor);
    return executor;
  };
  return { ...harness, elastic, launched, join };
};

test('an execution starts the first executor and waits for it', { timeout }, async (t) => {
  const { post, join, elastic, app } = await startElastic(t, [plain, gpu]);
  const ready = await app.inject('/readyz');
  assert.equal(ready.statusCode, 200);
  assert.equal(ready.json().status, 'idle');
  const answer = post(hello);
  const executor = await join();
  const { run, executor: by } = (await answer).json();
  assert.equal(run.outcome, 'ok');
  assert.equal(by, executor.address.id);
  assert.equal(executor.arrived[0]?.request.files[0]?.name, 'main.py');
  assert.deepEqual(elastic.launches, [{ pool: 'default', count: 1 }]);
  const onDemand = post(onGpu);
  await join('gpu', { capabilities: ['gpu'] });
  assert.equal((await onDemand).statusCode, 200);
});

test('Piston’s clients and the plain form wait as well', { timeout }, async (t) => {
  const { app, join } = await startElastic(t, [plain]);
  const payload = { language: 'python', version: '*', files: [{ content: 'print(2)' }] };
  const piston = app.inject({ method: 'POST', url: '/api/v2/execute', payload });
  const simple = app.inject({ method: 'POST', url: '/execute', payload: { language: 'py', code: '' } });
  const executor = await join();
  assert.equal((await piston).json().run.stdout, '2\n');
  assert.equal((await piston).json().version, '3.12.1');
  assert.equal((await simple).json().stdout, '2\n');
  assert.deepEqual(
    executor.arrived.map(({ request }) => request.files[0]?.name),
    ['main.py', 'main.py'],
  );
});

test('what the first executor does not serve is refused then, as usual', { timeout }, async (t) => {
  const { post, join, app } = await startElastic(t, [plain]);
  const unknown = post({ runtime: 'pythn', code: '' });
  const tooOld = post({ ...hello, version: '2' });
  const tooMuch = post({ ...hello, limits: { wallMs: 1_000_000_000 } });
  assert.equal((await tooMuch).json().code, 'invalid-request');
  await join();
  assert.equal((await unknown).statusCode, 404);
  assert.deepEqual((await unknown).json().nearest, ['python']);
  assert.equal((await unknown).json().executionId, 'execution-1');
  assert.equal((await tooOld).json().code, 'unknown-version');
  // Names that callers make up are no labels.
  assert.equal((await app.inject('/metrics')).body.includes('pythn'), false);
});

test('at its deadline it is told why no node could start an executor', { timeout }, async (t) => {
  const { post, elastic, launched, app } = await startElastic(t, [plain, gpu]);
  elastic.reasons = ['no node has meta.gpu'];
  const answer = post({ ...onGpu, deadlineMs: 150 });
  await launched('gpu');
  const response = await answer;
  assert.equal(response.statusCode, 503);
  const { code, title, detail, reasons } = response.json();
  assert.equal(code, 'no-node');
  assert.equal(title, 'No node could start an executor for it in time');
  assert.equal(detail, 'Pool "gpu": no node has meta.gpu');
  assert.deepEqual(reasons, ['Pool "gpu": no node has meta.gpu']);
  elastic.reasons = [];
  const other = await post({ ...hello, deadlineMs: 50 });
  assert.match(other.json().detail, /^Pool "default": (it has no executor|1 executor waits for a node)$/);
  assert.equal((await post({ ...hello, capabilities: ['abacus'] })).json().code, 'no-capable-pool');
  assert.equal((await app.inject('/v1/stats')).json().executions.byOutcome['no-node'], 2);
});

test('where executors are full it is the deadline that passed, and rare hardware stays free', {
  timeout,
}, async (t) => {
  const { post, join } = await startElastic(t, [{ ...plain, maximum: 1 }, gpu]);
  const rare = post(onGpu);
  const free = await join('gpu', { capabilities: ['gpu'] });
  await rare;
  const first = post(hello);
  const executor = await join('default', { maxRunning: 1 });
  await first;
  executor.onArrived = () => {};
  const running = post(hello);
  await executor.count(2);
  assert.equal((await post({ ...hello, deadlineMs: 50 })).json().code, 'deadline-exceeded');
  assert.equal(free.arrived.length, 1);
  executor.arrived[1]?.answer();
  await running;
});

test('who waits for an executor is bounded, and leaves when it goes', { timeout }, async (t) => {
  const tenants = [{ token: tokenNumber(1), maxWaiting: 1 }];
  const { post, core, app } = await startElastic(t, [plain], { tenants });
  const headers = { authorization: `Bearer ${tokenNumber(1)}` };
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const gone = new AbortController();
  const waits = fetch(`${url}/v1/executions`, {
    method: 'POST',
    body: JSON.stringify(hello),
    headers: { ...headers, 'content-type': 'application/json' },
    signal: gone.signal,
  }).catch(() => {});
  await until(() => core.waiting().total === 1);
  assert.equal((await post(hello, headers)).json().code, 'too-many-executions');
  gone.abort();
  await waits;
  await until(() => core.waiting().total === 0);
});

test('a streaming caller sees what it waits for, once for each change', { timeout }, async (t) => {
  const { app, elastic, join, launched } = await startElastic(t, [plain, gpu]);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  elastic.reasons = ['memory is exhausted on 3 nodes'];
  const response = await fetch(`${url}/v1/executions`, {
    method: 'POST',
    body: JSON.stringify(onGpu),
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
  });
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  const readUntil = async (text: string): Promise<void> => {
    while (!seen.includes(text)) {
      const { value, done } = await reader.read();
      assert.equal(done, false, seen);
      seen += value;
    }
  };
  await launched('gpu');
  const event = (reasons: string[]): string =>
    `event: pending\ndata: ${JSON.stringify({ pool: 'gpu', executors: { pending: 1, placed: 0, retiring: 0 }, reasons })}\n\n`;
  await readUntil(event(['memory is exhausted on 3 nodes']));
  elastic.reasons = ['no node has meta.gpu'];
  await readUntil(event(['no node has meta.gpu']));
  assert.equal(seen.split('event: pending').length, 3);
  const executor = await join('gpu', { capabilities: ['gpu'] });
  executor.onArrived = (one) => one.refuse('internal');
  await readUntil('event: error');
});

test('pools, health and metrics tell of them', { timeout }, async (t) => {
  const minimal = spec({ minimum: 1, maximum: 4 });
  const { app, elastic, join, launched, core } = await startElastic(t, [minimal, gpu]);
  await launched('default');
  assert.equal((await app.inject('/readyz')).statusCode, 503);
  elastic.reasons = ['no node is there'];
  const pools = async () => poolsResponseSchema.parse((await app.inject('/v1/pools')).json());
  const before = await pools();
  assert.equal(before.leader, true);
  assert.deepEqual(before.pools[0], {
    name: 'default',
    executors: 0,
    capabilities: [],
    running: 0,
    room: 0,
    runtimes: [],
    minimum: 1,
    maximum: 4,
    wanted: 1,
    waiting: 0,
    launched: { pending: 1, placed: 0, retiring: 0 },
    pending: [{ reason: 'no node is there' }],
  });
  assert.deepEqual(before.pools[1]?.capabilities, ['gpu']);
  await join();
  await core.fleet.ready();
  assert.equal((await app.inject('/readyz')).json().status, 'ok');
  assert.deepEqual((await pools()).pools[0]?.launched, { pending: 0, placed: 1, retiring: 0 });
  const { body } = await app.inject('/metrics');
  for (const line of [
    'paddock_pool_executors{pool="default",state="ready"} 1',
    'paddock_pool_executors{pool="default",state="pending"} 0',
    'paddock_pool_executors{pool="gpu",state="ready"} 0',
    'paddock_pool_wanted{pool="default"} 1',
    'paddock_pool_waiting{pool="gpu"} 0',
  ]) {
    assert.ok(body.includes(`${line}\n`), `${line}\n\n${body}`);
  }
  elastic.leads = false;
  assert.equal((await pools()).leader, false);
  assert.equal((await pools()).pools[0]?.wanted, undefined);
});
