import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaddockError } from '../../../../service/contracts/errors.ts';
import type { RuntimeInfo } from '../../../../service/contracts/runtime.ts';
import type { Member } from '../../../../service/dispatcher/member.ts';
import { createPoolRouter, type Route } from '../../../../service/dispatcher/pools/routing.ts';
import { runtime } from '../fake-executor.ts';
import { spec } from './fake-elastic.ts';

const python = runtime('python', '3.11.2');
const newer = runtime('python', '3.12.1');
const cuda = runtime('cuda', '12.4.0');

const serving = (pool: string, runtimes: RuntimeInfo[], state = 'ready'): Member =>
  ({ address: { id: pool, pool }, status: { state, runtimes } }) as Member;

const pools = [
  spec({ name: 'rare', capabilities: ['gpu', 'fpga'], minimum: 0 }),
  spec({ name: 'plain' }),
  spec({ name: 'gpu', capabilities: ['gpu'], minimum: 0 }),
];
const ask = (name: string, capabilities: string[] = [], version?: string) => ({
  runtime: name,
  version,
  capabilities,
});
const told = ({ runtime: found, pools: names }: Route) => [found?.version, names && [...names]];
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof PaddockError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
};
const never = () => false;

test('an execution goes to the pools with the fewest capabilities that have all it asks for', () => {
  const router = createPoolRouter(pools, never);
  router.update(['plain', 'gpu', 'rare'].map((pool) => serving(pool, [python])));
  assert.deepEqual(told(router.route(ask('python'))), ['3.11.2', ['plain']]);
  assert.deepEqual(told(router.route(ask('python', ['gpu']))), ['3.11.2', ['gpu']]);
  assert.deepEqual(told(router.route(ask('python', ['fpga']))), ['3.11.2', ['rare']]);
  assert.equal(
    refusal(() => router.route(ask('python', ['abacus']))),
    'no-capable-pool',
  );
});

test('like pools serve together', () => {
  const two = [spec({ name: 'a' }), spec({ name: 'b' }), spec({ name: 'c' })];
  const router = createPoolRouter(two, never);
  router.update([serving('a', [python]), serving('b', [python, newer]), serving('c', [cuda])]);
  assert.deepEqual(told(router.route(ask('python', [], '3.11'))), ['3.11.2', ['a', 'b']]);
  assert.deepEqual(told(router.route(ask('python'))), ['3.12.1', ['b']]);
});

test('rare hardware is not taken for a newer version, but for what nothing else serves', () => {
  const router = createPoolRouter(pools, never);
  router.update([serving('plain', [python]), serving('gpu', [newer, cuda]), serving('rare', [cuda])]);
  assert.deepEqual(told(router.route(ask('python'))), ['3.11.2', ['plain']]);
  assert.deepEqual(told(router.route(ask('cuda'))), ['12.4.0', ['gpu']]);
  assert.deepEqual(told(router.route(ask('python', [], '3.12'))), ['3.12.1', ['gpu']]);
  assert.equal(
    refusal(() => router.route(ask('cobol'))),
    'unknown-runtime',
  );
  assert.equal(
    refusal(() => router.route(ask('python', [], '2'))),
    'unknown-version',
  );
});

test('a pool that never had an executor may serve anything', () => {
  const router = createPoolRouter(pools, never);
  assert.deepEqual(told(router.route(ask('python'))), [undefined, ['plain']]);
  assert.deepEqual(told(router.route(ask('cobol', ['gpu']))), [undefined, ['gpu']]);
  assert.equal(router.update([serving('plain', [python], 'starting')]), false);
  assert.equal(router.update([serving('plain', [python])]), true);
  assert.deepEqual(told(router.route(ask('python'))), ['3.11.2', ['plain']]);
  assert.deepEqual(told(router.route(ask('cuda'))), [undefined, ['gpu']]);
  router.update([serving('plain', [python]), serving('gpu', [python])]);
  assert.deepEqual(told(router.route(ask('cuda'))), [undefined, ['rare']]);
  router.update([serving('rare', [python])]);
  assert.equal(
    refusal(() => router.route(ask('cuda'))),
    'unknown-runtime',
  );
});

test('what a pool served is known after its executors are gone, and the same said again is no change', () => {
  const router = createPoolRouter(pools, never);
  assert.equal(router.update([serving('plain', [python])]), true);
  assert.equal(router.update([serving('plain', [{ ...python }])]), false);
  assert.equal(router.update([]), false);
  assert.deepEqual(told(router.route(ask('python'))), ['3.11.2', ['plain']]);
  assert.equal(router.update([serving('plain', [newer])]), true);
  assert.deepEqual(told(router.route(ask('python'))), ['3.12.1', ['plain']]);
});

test('capabilities that a runtime needs itself count', () => {
  const needing = runtime('cuda', '12.4.0', { capabilities: ['gpu'] });
  const router = createPoolRouter(pools, never);
  router.update(['plain', 'gpu', 'rare'].map((pool) => serving(pool, [needing])));
  const route = router.route(ask('cuda'));
  assert.deepEqual(told(route), ['12.4.0', ['gpu']]);
  assert.deepEqual(route.capabilities, ['gpu']);
});

test('executors may have what no specification tells of', () => {
  const router = createPoolRouter(pools, (wanted) => wanted.join() === 'tape');
  router.update([serving('plain', [python])]);
  assert.deepEqual(told(router.route(ask('python', ['tape']))), ['3.11.2', undefined]);
});
