import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createStatusPolls } from '../../../service/dispatcher/status-polls.ts';
import { createHandClock } from '../hand-clock.ts';

interface Asked {
  readonly who: number;
  readonly at: number;
}

const start = (answer: (who: number) => number | undefined = () => undefined) => {
  const clock = createHandClock();
  const asked: Asked[] = [];
  const heard = new Map<number, number>();
  const polls = createStatusPolls<number>({
    clock,
    everyMs: 500,
    async ask(who) {
      asked.push({ who, at: clock.now() });
      heard.set(who, clock.now());
      return answer(who);
    },
    heardAt: (who) => heard.get(who) ?? 0,
  });
  /** All that is asked in that time. */
  const during = async (ms: number): Promise<Asked[]> => {
    const from = asked.length;
    for (let passed = 0; passed < ms; passed += 5) {
      clock.advance(5);
      await turn();
    }
    return asked.slice(from);
  };
  return { clock, polls, asked, heard, during };
};

const add = async (polls: { add(who: number): void }, count: number): Promise<void> => {
  for (let who = 0; who < count; who++) polls.add(who);
  await turn();
};

test('a few are asked every 500 ms each, one after the other', async () => {
  const { polls, asked, during } = start();
  await add(polls, 2);
  assert.equal(asked.length, 2, 'each at once when it joins');
  const seen = await during(5_000);
  for (const who of [0, 1]) {
    const times = seen.filter((one) => one.who === who).map(({ at }) => at);
    assert.ok(times.length >= 9 && times.length <= 10, `${times.length} times in 5 s`);
  }
  assert.equal(new Set(seen.map(({ at }) => at)).size, seen.length, 'never both at a time');
});

test('a thousand are asked 200 times a second in all, evenly, and each within 5 s', async () => {
  const { polls, during, asked } = start();
  await add(polls, 1_000);
  await during(1_000);
  assert.equal(new Set(asked.map(({ who }) => who)).size, 1_000, 'all were asked when they joined');
  // Those that joined a moment ago have said how they are; from then on it is the round.
  await during(5_000);
  const seen = await during(5_000);
  assert.ok(seen.length >= 990 && seen.length <= 1_000, `${seen.length} in 5 s`);
  assert.ok(new Set(seen.map(({ who }) => who)).size >= 990);
  for (let at = 0; at < seen.length - 21; at++) {
    const [first, later] = [seen[at]?.at ?? 0, seen[at + 20]?.at ?? 0];
    assert.ok(later - first >= 95, `21 within ${later - first} ms`);
  }
});

test('of many that join at once only some are asked at the same time, and one that hangs holds up none', async () => {
  const clock = createHandClock();
  const waiting: (() => void)[] = [];
  const polls = createStatusPolls<number>({
    clock,
    everyMs: 500,
    ask: (who) =>
      who === 0 ? new Promise(() => {}) : new Promise((resolve) => waiting.push(() => resolve(undefined))),
    heardAt: () => 0,
  });
  await add(polls, 500);
  let answered = 0;
  while (waiting.length > 0) {
    assert.ok(waiting.length <= 64, `${waiting.length} at once`);
    waiting.shift()?.();
    answered++;
    await turn();
  }
  assert.equal(answered, 499);
});

test('one that said how it is lately is passed over, but not for ever', async () => {
  const { polls, during, heard, clock } = start();
  await add(polls, 1);
  let count = 0;
  for (let passed = 0; passed < 8_000; passed += 100) {
    count += (await during(100)).length;
    heard.set(0, clock.now());
  }
  assert.ok(count >= 3 && count <= 4, `${count} times in 8 s`);
});

test('one that wants to be asked again soon is, and meanwhile not in turn as well', async () => {
  let more = 3;
  const { polls, during } = start(() => (more-- > 0 ? 50 : undefined));
  await add(polls, 1);
  const seen = await during(200);
  assert.deepEqual(
    seen.map(({ at }) => at),
    [50, 100, 150],
  );
  polls.soon(0, 0);
  polls.soon(0, 0);
  assert.equal((await during(50)).length, 1, 'two wishes are one');
});

test('one that left is asked no more, and the others are', async () => {
  const { polls, during } = start();
  await add(polls, 4);
  polls.soon(1, 10);
  polls.remove(1);
  polls.remove(3);
  const seen = await during(2_000);
  assert.deepEqual([...new Set(seen.map(({ who }) => who))].sort(), [0, 2]);
  polls.remove(0);
  polls.remove(2);
  assert.deepEqual(await during(2_000), []);
  polls.add(5);
  await turn();
  assert.ok((await during(2_000)).length >= 3, 'it goes on after all had left');
});
