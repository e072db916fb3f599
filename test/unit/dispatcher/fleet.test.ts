import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutorBrief, ExecutorStatus } from '../../../service/contracts/executor-api.ts';
import type { ExecutorLoad } from '../../../service/contracts/executor-load.ts';
import type { ExecutorClient } from '../../../service/dispatcher/executor-client.ts';
import { createFleet } from '../../../service/dispatcher/fleet.ts';
import type { Member } from '../../../service/dispatcher/member.ts';
import type { Wanted } from '../../../service/dispatcher/placement.ts';
import { createHandClock } from '../hand-clock.ts';
import { runtime, statusOf } from './fake-executor.ts';

const key = 'python@3.11.2';
const wanted: Wanted = { request: { runtime: 'python', version: '3.11.2' }, capabilities: [] };

/** What an executor says, and what it was asked with. */
interface Said {
  status: ExecutorStatus;
  fails: boolean;
  readonly asked: (string | undefined)[];
  destroyed: boolean;
}

const briefOf = (status: ExecutorStatus): ExecutorBrief => {
  const { id: _, node: _n, startedAt: _s, capabilities: _c, runtimes: _r, isolation: _i, ...brief } = status;
  return { ...brief, catalogue: status.catalogue ?? '' };
};

const start = (over: Partial<ExecutorStatus> = {}) => {
  const clock = createHandClock();
  const said = new Map<string, Said>();
  const told = { changed: [] as string[][], room: 0, warned: [] as string[] };
  const fleet = createFleet({
    clock,
    statusEveryMs: 500,
    connect({ id }): ExecutorClient {
      const one: Said = {
        status: { ...statusOf(id), catalogue: 'a', ...over },
        fails: false,
        asked: [],
        destroyed: false,
      };
      said.set(id, one);
      return {
        execute: () => Promise.reject(new Error('nothing runs here')),
        async status(known) {
          one.asked.push(known);
          if (one.fails) throw new Error('broken');
          return known !== undefined && known === one.status.catalogue
            ? briefOf(one.status)
            : structuredClone(one.status);
        },
        destroy() {
          one.destroyed = true;
        },
      };
    },
    log: { info() {}, warn: (_fields, message) => void told.warned.push(message) },
    changed: (runtimes) => void told.changed.push([...runtimes].map(({ name }) => name)),
    room() {
      told.room++;
    },
  });
  const join = async (id = 'one', pool = 'default'): Promise<{ one: Said; member: Member }> => {
    fleet.joined({ id, url: `http://${id}`, pool, authorization: () => '' });
    await turn();
    const [one, member] = [said.get(id), [...fleet.members()].find(({ address }) => address.id === id)];
    assert.ok(one && member);
    return { one, member };
  };
  const passes = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await turn();
    }
  };
  const pick = (): string | undefined => fleet.pick(wanted, clock.now(), () => 0)?.address.id;
  return { clock, fleet, told, said, join, passes, pick };
};

const load = (over: Partial<ExecutorLoad> = {}): ExecutorLoad => ({
  ...{ running: 0, maxRunning: 2, state: 'ready', catalogue: 'a', warm: 1 },
  ...over,
});

test('one that joins is asked at once, and from then on only for what changes', async () => {
  const { join, passes, pick, told, fleet } = start();
  const { one, member } = await join();
  assert.deepEqual(one.asked, [undefined]);
  assert.equal(pick(), 'one');
  await fleet.ready();
  one.status = { ...one.status, maxRunning: 7 };
  await passes(500);
  assert.deepEqual(one.asked, [undefined, 'a']);
  assert.equal(member.status?.maxRunning, 7);
  assert.deepEqual(
    member.status?.runtimes.map(({ name }) => name),
    ['python', 'python', 'c++', 'java'],
  );
  assert.equal(told.changed.length, 1);
  assert.equal(told.room, 1);
});

test('what it serves is asked for again when it has changed, and others are told', async () => {
  const { join, passes, pick, told } = start();
  const { one } = await join();
  one.status = { ...one.status, catalogue: 'b', runtimes: [runtime('ruby', '3.1.2')] };
  await passes(500);
  assert.equal(pick(), undefined);
  assert.deepEqual(told.changed.at(-1), ['ruby']);
});

test('executors of a pool that serve the same are news once, those of another pool again', async () => {
  const { join, told, fleet } = start();
  const { member } = await join('one');
  const { member: two } = await join('two');
  assert.equal(told.changed.length, 1);
  assert.equal(two.serves, member.serves);
  await join('far', 'other');
  assert.equal(told.changed.length, 2);
  fleet.left('two', 'it ended');
  assert.equal(told.changed.length, 2);
  fleet.left('far', 'it ended');
  assert.equal(told.changed.length, 3);
});

test('one that starts is asked again and again until it is ready', async () => {
  const { join, passes, pick, told } = start({ state: 'starting' });
  const { one } = await join();
  assert.equal(pick(), undefined);
  await passes(40);
  assert.equal(one.asked.length, 1);
  await passes(10);
  assert.equal(one.asked.length, 2);
  one.status = { ...one.status, state: 'ready' };
  await passes(50);
  assert.equal(pick(), 'one');
  assert.equal(told.changed.length, 2, 'that it has started is news');
});

test('an executor that answers executions says how it is with them, and is asked seldom', async () => {
  const { join, passes, fleet, pick } = start();
  const { one, member } = await join();
  for (let passed = 0; passed < 4_000; passed += 100) {
    fleet.started(member, key);
    await passes(100);
    fleet.ended(member, key, load({ running: 1, warm: 3 }));
  }
  assert.ok(one.asked.length <= 3, `asked ${one.asked.length} times in 4 s`);
  assert.ok(one.asked.length >= 2, 'it tells not everything with its answers');
  assert.equal(member.others, 1);
  assert.equal(member.warm.get(key), 3);
  fleet.started(member, key);
  fleet.started(member, key);
  assert.equal(pick(), undefined, 'it is full');
  fleet.ended(member, key, load({ maxRunning: 1 }));
  assert.equal(pick(), undefined, 'it takes one less than it did');
  fleet.ended(member, key, undefined);
  assert.equal(pick(), 'one');
});

test('an answer that says that it ends, or serves something else, is heeded at once', async () => {
  const { join, passes, fleet, pick } = start();
  const { one, member } = await join();
  fleet.started(member, key);
  fleet.ended(member, key, load({ catalogue: 'b' }));
  one.status = { ...one.status, catalogue: 'b', runtimes: [] };
  await passes(50);
  assert.equal(pick(), undefined);
  const { member: two } = await join('two');
  assert.equal(pick(), 'two');
  fleet.started(two, key);
  fleet.ended(two, key, load({ state: 'draining' }));
  assert.equal(pick(), undefined);
});

test('one that the cluster says to drain gets nothing more, whatever it says itself', async () => {
  const { join, passes, fleet, pick, said } = start();
  const { one, member } = await join();
  fleet.started(member, key);
  fleet.draining('one');
  assert.equal(pick(), undefined);
  assert.equal(member.status?.state, 'draining');
  await passes(1_000);
  fleet.ended(member, key, load());
  assert.equal(pick(), undefined);
  assert.equal(one.destroyed, false, 'what ran there may still be under way');
  fleet.left('one', 'it ended');
  assert.equal(one.destroyed, true);
  // One that is to drain before it has ever answered.
  fleet.joined({ id: 'late', url: 'http://late', pool: 'default', authorization: () => '' });
  fleet.draining('late');
  await turn();
  assert.equal(said.get('late')?.asked.length, 1);
  assert.equal(pick(), undefined);
  assert.equal(fleet.isReady(), false);
});

test('one whose connection broke gets nothing until it answers, which it is asked at once', async () => {
  const { join, passes, fleet, pick } = start();
  const { one, member } = await join();
  fleet.suspect(member);
  assert.equal(pick(), undefined);
  await passes(10);
  assert.equal(one.asked.length, 2);
  assert.equal(pick(), 'one');
});

test('with it, the others of its node get nothing until they answer: a machine may have died', async () => {
  const { join, passes, fleet, pick } = start();
  const { one, member } = await join('one');
  const { one: beside } = await join('beside');
  const { one: elsewhere } = await join('elsewhere');
  elsewhere.status.node = 'another';
  elsewhere.status.catalogue = 'b';
  await passes(1_000);
  one.fails = true;
  beside.fails = true;
  fleet.suspect(member);
  assert.equal(pick(), 'elsewhere');
  beside.fails = false;
  fleet.left('elsewhere', 'it ended');
  assert.equal(pick(), undefined);
  await passes(200);
  assert.equal(pick(), 'beside');
});

test('an idle one that died is noticed by its status, soon after it failed for the first time', async () => {
  const { join, passes, fleet, pick, told } = start();
  const { one } = await join();
  one.fails = true;
  await passes(500);
  assert.equal(pick(), 'one', 'once is no proof');
  await passes(160);
  assert.equal(pick(), undefined);
  assert.equal(fleet.isReady(), false);
  assert.deepEqual(told.warned, ['an executor no longer answers']);
  one.fails = false;
  await passes(500);
  assert.equal(pick(), 'one');
});

test('one that is told of twice joins once, and one at another address replaces the former', async () => {
  const { join, fleet, said } = start();
  const { one, member } = await join();
  await join();
  assert.equal(said.get('one'), one);
  fleet.joined({ id: 'one', url: 'http://elsewhere', pool: 'default', authorization: () => '' });
  assert.equal(one.destroyed, true);
  assert.deepEqual([...fleet.members()].length, 1);
  assert.equal(member.ending, true);
});

test('after the end nobody is asked any more', async () => {
  const { join, passes, fleet } = start();
  const { one } = await join();
  fleet.close();
  await passes(2_000);
  assert.equal(one.asked.length, 1);
  assert.equal(one.destroyed, true);
});
