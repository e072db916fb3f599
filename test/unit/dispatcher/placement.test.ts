import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member } from '../../../service/dispatcher/fleet.ts';
import { editDistance, nearestNames } from '../../../service/dispatcher/nearest.ts';
import { pick } from '../../../service/dispatcher/placement.ts';
import { createRecent } from '../../../service/dispatcher/recent.ts';

const member = (id: string, over: Partial<Member> = {}, running = 0, maxRunning = 4): Member =>
  ({
    address: { id, url: '', token: '', pool: 'default' },
    status: { state: 'ready', running, maxRunning },
    serves: new Set(['python@3.11.2']),
    capabilities: new Set(),
    warm: new Map(),
    failures: 0,
    inFlight: 0,
    busyUntil: 0,
    ...over,
  }) as Member;

const wanted = { request: { runtime: 'python', version: '3.11.2' }, capabilities: [] };
const chosen = (members: Member[], random = 0, capabilities: string[] = []): string | undefined =>
  pick(members, { ...wanted, capabilities }, 1_000, () => random)?.address.id;

test('one with a warm sandbox goes first', () => {
  assert.equal(
    chosen([member('cold'), member('warm', { warm: new Map([['python@3.11.2', 1]]) }, 3)]),
    'warm',
  );
});

test('of two, the less loaded one is taken, by what it says or by what went there since', () => {
  assert.equal(chosen([member('full', {}, 3), member('idle')]), 'idle');
  assert.equal(chosen([member('idle'), member('full', { inFlight: 2 })], 0.99), 'idle');
});

test('one that is full, busy, suspect, starting or of another kind is passed over', () => {
  const others = [
    member('full', { inFlight: 4 }),
    member('busy', { busyUntil: 1_001 }),
    member('suspect', { failures: 3 }),
    member('starting', { status: undefined }),
    member('other', { serves: new Set(['python@3.12.0']) }),
  ];
  assert.equal(chosen(others), undefined);
  assert.equal(chosen([...others, member('free', { busyUntil: 1_000 })]), 'free');
  assert.equal(
    chosen([member('plain'), member('gpu', { capabilities: new Set(['gpu']) })], 0, ['gpu']),
    'gpu',
  );
});

test('two choices are never the same one', () => {
  const members = [member('a', {}, 3), member('b')];
  for (const random of [0, 0.3, 0.5, 0.7, 0.999]) assert.equal(chosen(members, random), 'b');
});

test('names near a wrong one', () => {
  assert.equal(editDistance('pyton', 'python'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  const names = [
    { name: 'python', aliases: ['py'] },
    { name: 'javascript', aliases: ['js', 'node'] },
    { name: 'java', aliases: [] },
  ];
  assert.deepEqual(nearestNames('pythn', names), ['python']);
  assert.deepEqual(nearestNames('nodejs', names).includes('javascript'), true);
  assert.deepEqual(nearestNames('Jav', names), ['java', 'javascript']);
  assert.deepEqual(nearestNames('x'.repeat(60), names), []);
});

test('Retry-After follows the pace of the last seconds', () => {
  const recent = createRecent();
  assert.equal(recent.retryAfterMs(0, 100), 5_000);
  for (let i = 0; i <= 100; i++) recent.add(10_000 + i * 20, i);
  assert.equal(recent.retryAfterMs(12_000, 200), 3_961);
  assert.equal(recent.retryAfterMs(12_000, 1), 1_000);
  assert.equal(recent.retryAfterMs(12_000, 1_000_000), 60_000);
  assert.equal(recent.retryAfterMs(60_000, 200), 5_000);
  assert.deepEqual(recent.latency(), { p50Ms: 50, p95Ms: 95, p99Ms: 99, samples: 101 });
});
