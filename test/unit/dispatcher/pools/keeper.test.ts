import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolSpec } from '../../../../service/contracts/pool.ts';
import type { Execution } from '../../../../service/dispatcher/execution.ts';
import type { Member } from '../../../../service/dispatcher/member.ts';
import { createKeeper } from '../../../../service/dispatcher/pools/keeper.ts';
import { createHandClock } from '../../hand-clock.ts';
import { createFakeElastic, spec } from './fake-elastic.ts';

/** As far as the keeper looks at them. */
const memberOf = (id: string, pool: string, running: number): Member =>
  ({
    address: { id, pool },
    status: { state: 'ready', maxRunning: 4 },
    failures: 0,
    inFlight: 0,
    others: running,
    ending: false,
  }) as Member;

const settle = () => new Promise((resolve) => setImmediate(resolve));

const setUp = (over: Partial<PoolSpec> = {}, more: readonly PoolSpec[] = []) => {
  const clock = createHandClock();
  const elastic = createFakeElastic([spec(over), ...more], () => clock.epoch());
  const members = new Map<string, Member>();
  let waiting: Execution[] = [];
  const drained: string[] = [];
  const logged: string[] = [];
  const note = (_fields: object, message: string): void => void logged.push(message);
  const keeper = createKeeper({
    elastic,
    clock,
    log: { info: note, warn: note, error: note },
    members: () => members.values(),
    waiting: () => waiting,
    draining: (executor) => void drained.push(executor),
  });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settle();
    }
  };
  return {
    clock,
    elastic,
    members,
    keeper,
    drained,
    logged,
    pass,
    /** So many wait from now on, in place of those before. */
    wait(count: number, pools?: ReadonlySet<string>) {
      const execution = { pools, admittedAt: clock.now() } as Execution;
      waiting = Array.from({ length: count }, () => execution);
      keeper.wake();
    },
    /** What is pending is placed and joins. */
    join(running = 0, pool = 'default') {
      const placed = elastic.place(pool);
      for (const id of placed) members.set(id, memberOf(id, pool, running));
      return placed;
    },
    run(id: string, running: number) {
      const member = members.get(id);
      assert.ok(member);
      member.others = running;
    },
    lose(id: string) {
      members.delete(`at-${id}`);
      elastic.end(id);
    },
    async start() {
      keeper.start();
      await pass(50);
    },
  };
};

test('a burst is met in one step, at once where no executor is usable', async () => {
  const pool = setUp({ maximum: 50, minimum: 0 });
  await pool.start();
  assert.deepEqual(pool.elastic.launches, []);
  pool.wait(100);
  await pool.pass(100);
  assert.deepEqual(pool.elastic.launches, [{ pool: 'default', count: 25 }]);
  // Pending ones are supply, however long that takes.
  await pool.pass(120_000);
  assert.equal(pool.elastic.launches.length, 1);
});

test('where executors are there, executions have to wait first', async () => {
  const pool = setUp({ maximum: 50 });
  await pool.start();
  pool.join(4);
  await pool.pass(1_000);
  pool.wait(100);
  await pool.pass(250);
  assert.equal(pool.elastic.launches.length, 1);
  await pool.pass(250);
  assert.deepEqual(pool.elastic.launches.slice(1), [{ pool: 'default', count: 25 }]);
});

test('what moves from waiting to running is not counted twice', async () => {
  const pool = setUp({ maximum: 50, minimum: 0 });
  await pool.start();
  pool.elastic.heard = [{ pool: 'default', waiting: 40 }];
  await pool.pass(1_000);
  assert.deepEqual(pool.elastic.launches, [{ pool: 'default', count: 10 }]);
  pool.join(4);
  await pool.pass(100);
  pool.elastic.heard = [];
  await pool.pass(5_000);
  assert.equal(pool.elastic.launches.length, 1);
});

test('an idle pool shrinks to its minimum after its idle time, and not before', async () => {
  const pool = setUp({ maximum: 50, minimum: 1 });
  await pool.start();
  pool.wait(40);
  await pool.pass(200);
  pool.join(4);
  pool.wait(0);
  await pool.pass(10_000);
  for (const id of pool.members.keys()) pool.run(id, 0);
  await pool.pass(59_000);
  assert.deepEqual(pool.elastic.retired, []);
  await pool.pass(5_000);
  assert.equal(pool.elastic.retired.length, 9);
  assert.equal(pool.drained.length, 9);
  await pool.pass(120_000);
  assert.equal(pool.elastic.retired.length, 9);
  assert.equal(pool.elastic.launches.length, 2);
});

test('the emptiest are retired, the longest idle first', async () => {
  const pool = setUp({ minimum: 0, maximum: 10, idleSeconds: 10 });
  await pool.start();
  pool.wait(16);
  await pool.pass(200);
  const [a, b, c, d] = pool.join(4) as [string, string, string, string];
  pool.wait(0);
  await pool.pass(1_000);
  pool.run(c, 0);
  await pool.pass(2_000);
  pool.run(a, 0);
  pool.run(b, 1);
  pool.run(d, 3);
  await pool.pass(7_000);
  assert.deepEqual(pool.elastic.retired, []);
  // Four slots are in use: one executor could hold them.
  await pool.pass(5_000);
  assert.deepEqual(
    pool.elastic.retired,
    [c, a, b].map((id) => id.slice('at-'.length)),
  );
});

test('headroom is there before anybody waits', async () => {
  const pool = setUp({ minimum: 1, maximum: 10, headroom: 4 });
  await pool.start();
  assert.deepEqual(pool.elastic.launches, [{ pool: 'default', count: 1 }]);
  const [id] = pool.join(1);
  await pool.pass(2_500);
  assert.deepEqual(pool.elastic.launches.slice(1), [{ pool: 'default', count: 1 }]);
  pool.join();
  pool.run(id as string, 4);
  await pool.pass(10_000);
  assert.equal(pool.elastic.launches.length, 2);
});

test('never more than the maximum, pending and placed together; surplus goes', async () => {
  const pool = setUp({ maximum: 3 });
  await pool.start();
  pool.join(4);
  pool.wait(1_000);
  await pool.pass(5_000);
  assert.equal(pool.elastic.list().length, 3);
  pool.elastic.add({ id: 'of-another-leader' });
  await pool.pass(2_000);
  assert.deepEqual(pool.elastic.retired, ['of-another-leader']);
  assert.equal(pool.elastic.list().filter(({ state }) => state !== 'retiring').length, 3);
});

test('one that crashed or drains by itself is replaced', async () => {
  const pool = setUp({ minimum: 2 });
  await pool.start();
  const [a, b] = pool.join() as [string, string];
  await pool.pass(20_000);
  pool.lose(a.slice('at-'.length));
  await pool.pass(1_500);
  assert.deepEqual(
    pool.elastic.launches.map(({ count }) => count),
    [2, 1],
  );
  const draining = pool.members.get(b);
  assert.ok(draining?.status);
  draining.status.state = 'draining';
  pool.join();
  await pool.pass(1_500);
  assert.deepEqual(
    pool.elastic.launches.map(({ count }) => count),
    [2, 1, 1],
  );
});

test('executors that end at once are started with growing pauses, and the pool says why', async () => {
  const pool = setUp({ minimum: 1 });
  await pool.start();
  const crash = async (): Promise<void> => {
    const [one] = pool.elastic.list();
    pool.elastic.place();
    await pool.pass(1_000);
    if (one) pool.elastic.end(one.id);
  };
  const starts: number[] = [];
  for (let round = 0; round < 8; round++) {
    const before = pool.elastic.launches.length;
    await crash();
    const crashedAt = pool.clock.now();
    while (pool.elastic.launches.length === before) await pool.pass(100);
    starts.push(Math.floor((pool.clock.now() - crashedAt) / 1_000));
  }
  assert.equal(starts.length, 8);
  for (const [index, least] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
    const took = starts[index] ?? 0;
    assert.ok(took >= least && took <= least + 2, `${starts}`);
  }
  assert.match(
    pool.keeper.reports()[0]?.reasons.join() ?? '',
    /^executors end within 10 s of their start, 8 times/,
  );
  // One that stays ends the story.
  pool.join();
  await pool.pass(12_000);
  assert.deepEqual(pool.keeper.reports()[0]?.reasons, []);
});

test('one that is placed and never joins is retired, and replaced no more than once a minute', async () => {
  const pool = setUp({ minimum: 1 });
  await pool.start();
  for (let minute = 0; minute < 10; minute++) {
    pool.elastic.place();
    await pool.pass(60_000);
  }
  assert.ok(pool.elastic.launches.length <= 10, `${pool.elastic.launches.length}`);
  assert.ok(pool.elastic.retired.length >= 5);
  assert.equal(pool.elastic.list().filter(({ state }) => state !== 'retiring').length <= 1, true);
});

test('one that no longer answers is replaced before the cluster gives it up, within the maximum', async () => {
  const pool = setUp({ minimum: 2, maximum: 3 });
  await pool.start();
  const silent = pool.join().map((id) => pool.members.get(id));
  await pool.pass(20_000);
  for (const member of silent) if (member) member.failures = 3;
  await pool.pass(4_000);
  assert.equal(pool.elastic.launches.length, 1);
  await pool.pass(3_000);
  assert.deepEqual(
    pool.elastic.launches.map(({ count }) => count),
    [2, 1],
  );
  pool.join();
  await pool.pass(10_000);
  assert.equal(pool.elastic.list().length, 3);
  // Back again, there is one too many.
  for (const member of silent) if (member) member.failures = 0;
  await pool.pass(2_000);
  assert.equal(pool.elastic.retired.length, 1);
});

test('a retirement that fails is tried again, and meanwhile the executor serves', async () => {
  const pool = setUp({ minimum: 0, idleSeconds: 5 });
  await pool.start();
  pool.wait(1);
  await pool.pass(200);
  pool.join();
  pool.wait(0);
  pool.elastic.failure = new Error('Permission denied');
  await pool.pass(12_000);
  assert.equal(pool.elastic.retired.length, 2);
  assert.deepEqual(pool.drained, []);
  pool.elastic.failure = undefined;
  await pool.pass(5_000);
  assert.deepEqual(pool.drained, ['at-default-1']);
});

test('one that joined and never answered is no better', async () => {
  const pool = setUp({ minimum: 1 });
  await pool.start();
  for (const id of pool.join()) {
    const member = pool.members.get(id);
    if (member) member.status = undefined;
  }
  await pool.pass(65_000);
  assert.deepEqual(pool.elastic.retired, ['default-1']);
  assert.equal(pool.elastic.launches.length, 2);
});

test('one that was drained by somebody else soon after its start is no failure', async () => {
  const pool = setUp({ minimum: 1 });
  await pool.start();
  for (const id of pool.join()) {
    const status = pool.members.get(id)?.status;
    if (status) status.state = 'draining';
  }
  await pool.pass(1_500);
  pool.lose('default-1');
  await pool.pass(1_500);
  assert.deepEqual(pool.keeper.reports()[0]?.reasons, []);
  assert.equal(pool.elastic.launches.length, 2);
});

test('a launch that fails is tried again, with pauses', async () => {
  const pool = setUp({ minimum: 1 });
  pool.elastic.failure = new Error('Permission denied');
  await pool.start();
  await pool.pass(10_000);
  const tries = pool.elastic.launches.length;
  assert.ok(tries >= 3 && tries <= 5, `${tries}`);
  assert.match(pool.keeper.reports()[0]?.reasons[0] ?? '', /could not be asked for: Permission denied/);
  pool.elastic.failure = undefined;
  await pool.pass(10_000);
  assert.equal(pool.elastic.list().length, 1);
});

test('who does not lead changes nothing, and tells what waits', async () => {
  const pool = setUp({ minimum: 3 });
  pool.elastic.leads = false;
  await pool.start();
  pool.elastic.add({ id: 'surplus', state: 'placed', executor: 'at-surplus' });
  pool.wait(7);
  await pool.pass(200_000);
  assert.deepEqual(pool.elastic.launches, []);
  assert.deepEqual(pool.elastic.retired, []);
  assert.deepEqual(pool.elastic.told.at(-1), [{ pool: 'default', waiting: 7 }]);
  // Told again and again, and at once when it ceases.
  assert.ok(pool.elastic.told.length > 190 && pool.elastic.told.length < 230, `${pool.elastic.told.length}`);
  assert.equal(pool.keeper.reports()[0]?.wanted, undefined);
  pool.wait(0);
  await pool.pass(150);
  assert.deepEqual(pool.elastic.told.at(-1), [{ pool: 'default', waiting: 0 }]);
});

test('leadership lost in the middle of a launch ends it there; the next leader doubles nothing', async () => {
  const pool = setUp({ minimum: 2, maximum: 50 });
  const gate = Promise.withResolvers<void>();
  pool.elastic.gate = gate.promise;
  await pool.start();
  pool.wait(40);
  await pool.pass(5_000);
  // While a launch is under way nothing is added to it.
  assert.deepEqual(pool.elastic.launches, [{ pool: 'default', count: 2 }]);
  pool.elastic.leads = false;
  gate.resolve();
  await pool.pass(5_000);
  assert.equal(pool.elastic.launches.length, 1);
  // Back as a new leader: what is there counts, and is not taken for unneeded at once.
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) pool.elastic.add({ id });
  pool.wait(0);
  pool.elastic.leads = true;
  await pool.pass(30_000);
  assert.equal(pool.elastic.launches.length, 1);
  assert.deepEqual(pool.elastic.retired, []);
});

test('what peers told counts once, and no more when they cease', async () => {
  const pool = setUp({ minimum: 0, maximum: 50 });
  await pool.start();
  pool.elastic.heard = [
    { pool: 'default', waiting: 12 },
    { pool: 'default', waiting: 8 },
    { pool: 'of another', waiting: 100 },
  ];
  await pool.pass(3_000);
  assert.deepEqual(pool.elastic.launches, [{ pool: 'default', count: 5 }]);
  pool.elastic.heard = [];
  await pool.pass(70_000);
  assert.equal(pool.elastic.retired.length, 5);
});

test('an execution that several pools could run asks one of them, and another where that is held up', async () => {
  const pool = setUp({ minimum: 0, maximum: 1 }, [spec({ name: 'other', minimum: 0, maximum: 5 })]);
  await pool.start();
  pool.elastic.reasons = [];
  pool.wait(8, new Set(['default', 'other']));
  await pool.pass(200);
  assert.deepEqual(pool.elastic.launches, [
    { pool: 'default', count: 1 },
    { pool: 'other', count: 1 },
  ]);
});
