import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFairQueue } from '../../../service/dispatcher/fair-queue.ts';
import { startFakeExecutor } from './fake-executor.ts';
import { hello, start, tokenNumber, until } from './harness.ts';

const timeout = 10_000;
const one = { maxRunning: 1 };

test('the queue is full: 503 with Retry-After, at once', { timeout }, async (t) => {
  const { post, core, executor } = await start(t, {
    executors: [await startFakeExecutor('one', one)],
    settings: { queueLimit: 2 },
  });
  const accepted = [post(hello), post(hello), post(hello)];
  await executor.count(1);
  await until(() => core.waiting().total === 2);
  const refused = await post(hello);
  assert.equal(refused.statusCode, 503);
  assert.equal(refused.json().code, 'queue-full');
  assert.match(String(refused.headers['retry-after']), /^[1-9]\d*$/);
  executor.onArrived = (next) => next.answer();
  executor.arrived[0]?.answer();
  for (const answer of accepted) assert.equal((await answer).statusCode, 200);
});

test('a tenant has its own bound and its own share', { timeout }, async (t) => {
  const executor = await startFakeExecutor('one', one);
  const tenants = [
    { tenant: 'greedy', token: tokenNumber(1), maxWaiting: 4 },
    { tenant: 'modest', token: tokenNumber(2) },
  ];
  const { post, core } = await start(t, { executors: [executor], tenants });
  const as = (number: number, name: string) =>
    post({ ...hello, args: [name] }, { authorization: `Bearer ${tokenNumber(number)}` });
  const answers = [as(1, 'first')];
  await executor.count(1);
  for (const name of ['a', 'b', 'c', 'd']) answers.push(as(1, name));
  await until(() => core.waiting().total === 4);
  const refused = await as(1, 'e');
  assert.equal(refused.statusCode, 429);
  assert.equal(refused.json().code, 'too-many-executions');
  for (const name of ['x', 'y']) answers.push(as(2, name));
  await until(() => core.waiting().total === 6);
  executor.onArrived = (next) => next.answer();
  executor.arrived[0]?.answer();
  await Promise.all(answers);
  assert.deepEqual(
    executor.arrived.map(({ request }) => request.args[0]),
    ['first', 'x', 'a', 'y', 'b', 'c', 'd'],
  );
});

test('a tenant runs no more at once than it may', { timeout }, async (t) => {
  const executor = await startFakeExecutor('one', { maxRunning: 8 });
  const tenants = [{ tenant: 'small', token: tokenNumber(1), maxRunning: 1 }];
  const { post, core } = await start(t, { executors: [executor], tenants });
  const headers = { authorization: `Bearer ${tokenNumber(1)}` };
  const answers = [post(hello, headers), post(hello, headers)];
  await executor.count(1);
  await until(() => core.waiting().total === 1);
  assert.equal(core.running(), 1);
  executor.onArrived = (next) => next.answer();
  executor.arrived[0]?.answer();
  for (const answer of answers) assert.equal((await answer).statusCode, 200);
});

test('higher priority goes first', { timeout }, async (t) => {
  const executor = await startFakeExecutor('one', one);
  const { post, core } = await start(t, { executors: [executor] });
  const answers = [post(hello)];
  await executor.count(1);
  for (const priority of [10, 90, 50]) {
    answers.push(post({ ...hello, priority, args: [String(priority)] }));
    await until(() => core.waiting().total === answers.length - 1);
  }
  executor.onArrived = (next) => next.answer();
  executor.arrived[0]?.answer();
  await Promise.all(answers);
  assert.deepEqual(
    executor.arrived.slice(1).map(({ request }) => request.args[0]),
    ['90', '50', '10'],
  );
});

test('one that waited past its deadline never starts', { timeout }, async (t) => {
  const executor = await startFakeExecutor('one', one);
  const { post, core } = await start(t, { executors: [executor] });
  const first = post(hello);
  await executor.count(1);
  const late = await post({ ...hello, deadlineMs: 30 });
  assert.equal(late.statusCode, 504);
  assert.equal(late.json().code, 'deadline-exceeded');
  assert.equal(core.waiting().total, 0);
  executor.arrived[0]?.answer();
  assert.equal((await first).statusCode, 200);
  assert.equal(executor.arrived.length, 1);
});

test('one that runs past its deadline is stopped', { timeout }, async (t) => {
  const { post, executor } = await start(t);
  const answer = post({ ...hello, deadlineMs: 50 });
  const arrived = await executor.count(1);
  assert.equal((await answer).json().code, 'deadline-exceeded');
  await arrived.cancelled;
});

const tenant = (name: string, weight = 1) => ({ name, weight, maxRunning: Number.POSITIVE_INFINITY });

test('weights decide how often a tenant is next', () => {
  const queue = createFairQueue<{ tenant: ReturnType<typeof tenant>; priority: number; sequence: number }>();
  for (let sequence = 0; sequence < 90; sequence++) {
    queue.add({
      tenant: tenant(sequence % 2 ? 'heavy' : 'light', sequence % 2 ? 2 : 1),
      priority: 50,
      sequence,
    });
  }
  const served = { heavy: 0, light: 0 };
  for (let i = 0; i < 60; i++) {
    const next = queue.take(() => true);
    if (next) served[next.item.tenant.name as 'heavy' | 'light']++;
  }
  assert.deepEqual(served, { heavy: 40, light: 20 });
});

test('a tenant that was away is owed nothing, and one that cannot be placed holds up nobody', () => {
  const queue = createFairQueue<{ tenant: ReturnType<typeof tenant>; priority: number; sequence: number }>();
  let sequence = 0;
  const add = (name: string): void => queue.add({ tenant: tenant(name), priority: 50, sequence: sequence++ });
  const next = (): string | undefined => queue.take(() => true)?.item.tenant.name;
  for (let i = 0; i < 20; i++) add('busy');
  for (let i = 0; i < 10; i++) next();
  for (let i = 0; i < 10; i++) add('back');
  assert.deepEqual(Array.from({ length: 4 }, next).sort(), ['back', 'back', 'busy', 'busy']);
  assert.equal(
    queue.take((item) => (item.tenant.name === 'busy' ? true : undefined))?.item.tenant.name,
    'busy',
  );
  assert.equal(
    queue.take(() => undefined),
    undefined,
  );
  assert.equal(queue.size, 15);
});
