import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executionResultSchema } from '../../../service/contracts/execution.ts';
import { resultWith, stage, startFakeExecutor } from './fake-executor.ts';
import { hello, start, until } from './harness.ts';

test('runs a program and answers what it did', { timeout: 10_000 }, async (t) => {
  const { post, executor, logged } = await start(t);
  executor.onArrived = (one) => one.answer();
  const response = await post({ ...hello, metadata: { exercise: '7' }, args: ['a'], env: { A: 'b' } });
  assert.equal(response.statusCode, 200, response.body);
  const result = executionResultSchema.parse(response.json());
  assert.equal(result.run?.stdout, '2\n');
  assert.equal(result.version, '3.12.1');
  assert.equal(result.executor, 'one');
  assert.equal(result.attempts, 1);
  assert.deepEqual(result.metadata, { exercise: '7' });
  const sent = executor.arrived[0]?.request;
  assert.deepEqual(sent?.files, [{ name: 'main.py', content: 'print(1+1)', encoding: 'utf8' }]);
  assert.equal(sent?.entry, 'main.py');
  assert.deepEqual(sent?.args, ['a']);
  assert.deepEqual(sent?.env, { A: 'b' });
  await until(() => logged.some((line) => line.msg === 'execution'));
  const event = logged.find((line) => line.msg === 'execution');
  assert.equal(event?.outcome, 'ok');
  assert.equal(event?.runtime, 'python');
  assert.equal(JSON.stringify(logged).includes('print(1+1)'), false);
});

test('what a program does is data: a failing one is a 200', { timeout: 10_000 }, async (t) => {
  const { post, executor } = await start(t);
  executor.onArrived = (one) =>
    one.answer(resultWith({ run: stage({ outcome: 'memory-limit', exitCode: null, signal: 'SIGKILL' }) }));
  const response = await post(hello);
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().run.outcome, 'memory-limit');
});

test('tries the next executor where one is busy', { timeout: 10_000 }, async (t) => {
  const executors = [await startFakeExecutor('one'), await startFakeExecutor('two')];
  const { post } = await start(t, { executors });
  await until(() => executors.every((executor) => executor !== undefined));
  let refused = 0;
  for (const executor of executors) {
    executor.onArrived = (one) => (refused++ === 0 ? one.refuse('executor-busy') : one.answer());
  }
  const response = await post(hello);
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().attempts, 1);
});

test('waits while the only executor is busy', { timeout: 10_000 }, async (t) => {
  const { post, executor } = await start(t);
  let tries = 0;
  executor.onArrived = (one) => (++tries < 3 ? one.refuse('executor-busy') : one.answer());
  assert.equal((await post(hello)).statusCode, 200);
  assert.equal(tries, 3);
});

test('runs once more where the executor is lost in the middle', { timeout: 10_000 }, async (t) => {
  const { post, cluster, executor } = await start(t);
  const answer = post(hello);
  await executor.count(1);
  cluster.leave(executor);
  const second = await startFakeExecutor('two');
  second.onArrived = (one) => one.answer();
  cluster.join(second);
  const result = (await answer).json();
  assert.equal(result.executor, 'two');
  assert.equal(result.attempts, 2);
});

test('answers executor-lost at once where a retry is not wanted', { timeout: 10_000 }, async (t) => {
  const { post, executor } = await start(t);
  executor.onArrived = (one) => one.die();
  const response = await post({ ...hello, retry: false });
  assert.equal(response.statusCode, 502);
  assert.equal(response.json().code, 'executor-lost');
});

test('gives up after the second loss', { timeout: 10_000 }, async (t) => {
  const { post, executor } = await start(t);
  executor.onArrived = (one) => one.die();
  const response = await post(hello);
  assert.equal(response.statusCode, 502);
  assert.equal(executor.arrived.length, 2);
});

test('an answer that makes no sense is a lost executor, not a crash', { timeout: 10_000 }, async (t) => {
  const { post, executor } = await start(t);
  const { timings, ...untimed } = resultWith();
  for (const nonsense of [
    { nonsense: true },
    null,
    [],
    untimed,
    { ...untimed, timings: { ...timings, runMs: 'long' } },
    { ...resultWith(), outputs: undefined },
    { ...resultWith(), warm: undefined },
    { ...resultWith(), run: 'ok' },
    { ...resultWith(), compile: { outcome: 'ok' } },
    { ...resultWith(), tests: [null] },
  ]) {
    executor.onArrived = (one) => one.answer(nonsense as never);
    const response = await post({ ...hello, retry: false });
    assert.equal(response.json().code, 'executor-lost', JSON.stringify(nonsense));
  }
});
