import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecutorStatus } from '../../../service/contracts/executor-api.ts';
import type { ExecutorClient } from '../../../service/dispatcher/executor-client.ts';
import { type Member, newMember } from '../../../service/dispatcher/member.ts';
import { editDistance, nearestNames } from '../../../service/dispatcher/nearest.ts';
import {
  createPlacement,
  kindOf,
  type Placement,
  type Wanted,
} from '../../../service/dispatcher/placement.ts';
import { createRecent } from '../../../service/dispatcher/recent.ts';

const key = 'python@3.11.2';
const warm = new Map([[key, 1]]);

const member = (id: string, over: Partial<Member> & { maxRunning?: number; pool?: string } = {}): Member => {
  const { maxRunning = 4, pool = 'default', ...rest } = over;
  const address = { id, url: '', pool, authorization: () => '' };
  return Object.assign(newMember(address, {} as ExecutorClient), {
    status: { state: 'ready', maxRunning } as ExecutorStatus,
    serves: new Set([key]),
    ...rest,
  });
};

const among = (members: readonly Member[]): Placement => {
  const placement = createPlacement();
  for (const one of members) placement.file(one);
  return placement;
};

const wanted: Wanted = { request: { runtime: 'python', version: '3.11.2' }, capabilities: [] };
const chosen = (members: readonly Member[], random = 0, over: Partial<Wanted> = {}): string | undefined =>
  among(members).pick({ ...wanted, ...over }, 1_000, () => random)?.address.id;

test('one with a warm sandbox goes first', () => {
  assert.equal(chosen([member('cold'), member('warm', { warm, inFlight: 3 })]), 'warm');
});

test('of two, the less loaded one is taken: what runs there of others counts as much as what went there', () => {
  assert.equal(chosen([member('full', { others: 3 }), member('idle')]), 'idle');
  assert.equal(chosen([member('idle'), member('full', { inFlight: 2 })], 0.99), 'idle');
  assert.equal(
    chosen([member('small', { inFlight: 1, maxRunning: 2 }), member('large', { inFlight: 1 })]),
    'large',
  );
});

test('one that is full, suspect, starting, ending or of another kind is passed over', () => {
  const others = [
    member('full', { inFlight: 4 }),
    member('suspect', { failures: 3 }),
    member('starting', { status: undefined }),
    member('ending', { ending: true }),
    member('other', { serves: new Set(['python@3.12.0']) }),
  ];
  assert.equal(chosen(others), undefined);
  assert.equal(chosen([...others, member('free')]), 'free');
});

test('only those with all capabilities, of the pools that are asked for', () => {
  const plain = member('plain');
  const gpu = member('gpu', { capabilities: new Set(['gpu', 'arm64']), pool: 'far' });
  assert.equal(chosen([plain, gpu], 0, { capabilities: ['gpu'] }), 'gpu');
  assert.equal(chosen([plain, gpu], 0, { capabilities: ['arm64', 'gpu'] }), 'gpu');
  assert.equal(chosen([plain, gpu], 0, { capabilities: ['fpga'] }), undefined);
  assert.equal(chosen([plain, gpu], 0, { pools: new Set(['far', 'none']) }), 'gpu');
  assert.equal(chosen([plain, gpu], 0, { pools: new Set(['default']) }), 'plain');
  assert.equal(chosen([plain, gpu], 0, { pools: new Set() }), undefined);
  assert.equal(chosen([plain, gpu], 0, { capabilities: ['gpu'], pools: new Set(['default']) }), undefined);
});

test('what the same executors can run is of one kind, however it is asked for', () => {
  const kind = (over: Partial<Wanted>): string => kindOf({ ...wanted, ...over });
  assert.equal(kind({ capabilities: ['a', 'b'] }), kind({ capabilities: ['b', 'a'] }));
  assert.equal(kind({ pools: new Set(['a', 'b']) }), kind({ pools: new Set(['b', 'a']) }));
  const all = [{}, { capabilities: ['a'] }, { pools: new Set(['a']) }, { pools: new Set<string>() }];
  assert.equal(new Set(all.map(kind)).size, all.length);
});

test('two choices are never the same one', () => {
  const members = [member('a', { others: 3 }), member('b')];
  for (const random of [0, 0.3, 0.5, 0.7, 0.999]) assert.equal(chosen(members, random), 'b');
});

test('one that refused is left alone for a while, or until one of its executions has ended', () => {
  const one = member('one');
  const placement = among([one]);
  const at = (now: number): string | undefined => placement.pick(wanted, now, () => 0)?.address.id;
  assert.equal(at(0), 'one');
  placement.refuse(one, 50);
  assert.equal(at(49), undefined);
  assert.equal(at(50), 'one');
  placement.refuse(one, 100);
  one.busyUntil = 0;
  placement.touch(one, key);
  assert.equal(at(60), 'one');
  placement.refuse(one, 200);
  // The end of the first refusal is not the end of the second.
  assert.equal(at(150), undefined);
  assert.equal(at(200), 'one');
});

test('what changes about a member is felt at the next choice', () => {
  const [one, two] = [member('one'), member('two')];
  const placement = among([one, two]);
  const names = (): string[] =>
    [0, 0.99].map((random) => placement.pick(wanted, 0, () => random)?.address.id ?? '').sort();
  one.inFlight = 4;
  placement.touch(one, key);
  assert.deepEqual(names(), ['two', 'two']);
  one.inFlight = 3;
  one.warm = new Map(warm);
  placement.touch(one, key);
  assert.deepEqual(names(), ['one', 'one'], 'it is warm');
  one.warm.set(key, 0);
  placement.touch(one, key);
  assert.deepEqual(names(), ['two', 'two'], 'it is the more loaded one');
  two.ending = true;
  placement.file(two);
  assert.deepEqual(names(), ['one', 'one']);
  one.serves = new Set(['python@3.12.1']);
  placement.file(one);
  assert.deepEqual(names(), ['', '']);
  assert.equal(
    placement.pick({ ...wanted, request: { runtime: 'python', version: '3.12.1' } }, 0, () => 0),
    one,
  );
});

/** Small and good enough: the same numbers in each run. */
const numbers = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

test('after any changes the choice is one that a look at all of them allows', () => {
  const random = numbers(7);
  const below = (most: number): number => Math.floor(random() * most);
  const keys = ['a@1', 'b@1', 'c@1'];
  const members = Array.from({ length: 40 }, (_, number) =>
    member(String(number), { pool: `pool${number % 3}`, serves: new Set(keys.slice(number % 2)) }),
  );
  const placement = among(members);
  const kinds = keys.flatMap((name): Wanted[] => {
    const request = { runtime: name.slice(0, 1), version: '1' };
    const base = { request, capabilities: [] };
    return [base, { ...base, pools: new Set(['pool1']) }, { ...base, capabilities: ['gpu'] }];
  });
  const changes: ((one: Member) => void)[] = [
    (one) => {
      one.inFlight = below(6);
      placement.touch(one, keys[0] ?? '');
    },
    (one) => {
      const name = keys[below(3)] ?? '';
      one.warm.set(name, below(2));
      placement.touch(one, name);
    },
    (one) => {
      one.failures = below(5);
      placement.file(one);
    },
    (one) => {
      one.capabilities = new Set(below(2) ? ['gpu'] : []);
      placement.file(one);
    },
    (one) => {
      one.status = below(4) ? ({ state: 'ready', maxRunning: below(5) } as ExecutorStatus) : undefined;
      placement.file(one);
    },
  ];
  for (let step = 0; step < 5_000; step++) {
    const one = members[below(40)];
    if (one) changes[below(changes.length)]?.(one);
    const asked = kinds[below(kinds.length)] ?? wanted;
    const name = `${asked.request.runtime}@1`;
    const able = members.filter(
      ({ status, failures, inFlight, serves, capabilities, address }) =>
        status &&
        failures < 3 &&
        inFlight < status.maxRunning &&
        serves.has(name) &&
        (!asked.pools || asked.pools.has(address.pool)) &&
        asked.capabilities.every((has) => capabilities.has(has)),
    );
    const best = able.filter((each) => (each.warm.get(name) ?? 0) > 0);
    const picked = placement.pick(asked, 0, random);
    const right = best.length > 0 ? best : able;
    assert.ok(picked ? right.includes(picked) : right.length === 0, `step ${step}`);
  }
});

const fleetOf = (count: number, maxRunning: number): Member[] =>
  Array.from({ length: count }, (_, number) => member(String(number), { maxRunning }));

test('load spreads over a thousand as well as two random choices can', () => {
  const members = fleetOf(1_000, 100);
  const placement = among(members);
  const random = numbers(42);
  for (let placed = 0; placed < 10_000; placed++) {
    const one = placement.pick(wanted, 0, random);
    assert.ok(one);
    one.inFlight++;
    placement.touch(one, key);
  }
  const loads = members.map(({ inFlight }) => inFlight);
  assert.equal(
    loads.reduce((total, load) => total + load),
    10_000,
  );
  // One choice at random would leave about 22 on the fullest and 2 on the emptiest of them.
  assert.ok(Math.max(...loads) <= 14, `the fullest has ${Math.max(...loads)}`);
  assert.ok(Math.min(...loads) >= 4, `the emptiest has ${Math.min(...loads)}`);
});

test('all places of a thousand executors are used, and then there is none', () => {
  const placement = among(fleetOf(1_000, 2));
  const random = numbers(1);
  for (let placed = 0; placed < 2_000; placed++) {
    const one = placement.pick(wanted, 0, random);
    assert.ok(one, `after ${placed}`);
    one.inFlight++;
    placement.touch(one, key);
  }
  assert.equal(placement.pick(wanted, 0, random), undefined);
});

test('kinds without end do not fill the memory, and each is still served', () => {
  const one = member('one', { capabilities: new Set(['gpu']) });
  const placement = among([one]);
  for (let number = 0; number < 2_000; number++) {
    const capabilities = Array.from({ length: number % 7 }, () => 'gpu');
    assert.equal(
      placement.pick({ ...wanted, capabilities, pools: new Set(['default', `p${number}`]) }, 0, () => 0),
      one,
    );
  }
  one.inFlight = 4;
  placement.touch(one, key);
  assert.equal(
    placement.pick({ ...wanted, pools: new Set(['default', 'p1999']) }, 0, () => 0),
    undefined,
  );
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
