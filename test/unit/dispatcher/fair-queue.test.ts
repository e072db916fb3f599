import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFairQueue } from '../../../service/dispatcher/fair-queue.ts';

const tenant = (name: string) => ({ name, weight: 1, maxRunning: Number.POSITIVE_INFINITY });
interface Item {
  readonly tenant: ReturnType<typeof tenant>;
  readonly priority: number;
  readonly sequence: number;
  kind: string;
}
const createQueue = () => createFairQueue<Item>(({ kind }) => kind);
const item = (sequence: number, kind: string, over: Partial<Item> = {}): Item => ({
  ...{ tenant: tenant('one'), priority: 50, sequence, kind },
  ...over,
});

test('thousands that wait for what is full are passed over in one step', () => {
  const queue = createQueue();
  for (let sequence = 0; sequence < 10_000; sequence++) {
    const kind = sequence === 9_999 ? 'free' : `full${sequence % 20}`;
    queue.add(item(sequence, kind, { tenant: tenant(`tenant${sequence % 5}`) }));
  }
  let asked = 0;
  const place = (_item: Item, kind: string): true | undefined => {
    asked++;
    return kind === 'free' ? true : undefined;
  };
  assert.equal(queue.take(place)?.item.sequence, 9_999);
  assert.ok(asked <= 21, `asked ${asked} times, for 21 kinds`);
  assert.equal(queue.take(place), undefined);
  assert.equal(queue.size, 9_999);
});

test('between kinds the order is that of priority and arrival', () => {
  const queue = createQueue();
  const items = [
    item(0, 'a'),
    item(1, 'b'),
    item(2, 'a'),
    item(3, 'c', { priority: 90 }),
    item(4, 'b', { priority: 10 }),
    item(5, 'a', { priority: 90 }),
  ];
  for (const one of items) queue.add(one);
  const order = [3, 5, 0, 1, 2, 4];
  assert.deepEqual(
    queue.items().map(({ sequence }) => sequence),
    order,
  );
  const taken = items.map(() => queue.take(() => true)?.item.sequence);
  assert.deepEqual(taken, order);
  assert.equal(queue.size, 0);
});

test('any one can leave, from whatever place, and only once', () => {
  const queue = createQueue();
  const items = Array.from({ length: 100 }, (_, sequence) =>
    item(sequence, `kind${sequence % 3}`, { priority: (sequence * 7) % 11 }),
  );
  for (const one of items) queue.add(one);
  const [gone, kept] = [items.filter((_, at) => at % 2 === 0), items.filter((_, at) => at % 2 === 1)];
  for (const one of gone) assert.equal(queue.remove(one), true);
  for (const one of gone) assert.equal(queue.remove(one), false);
  assert.equal(queue.size, 50);
  assert.equal(queue.waitingOf('one'), 50);
  assert.deepEqual(new Set(queue.items()), new Set(kept));
});

test('ten thousand that come and go cost next to nothing each', () => {
  const queue = createQueue();
  const items = Array.from({ length: 10_000 }, (_, sequence) =>
    item(sequence, `kind${sequence % 7}`, { priority: sequence % 100 }),
  );
  const startedAt = performance.now();
  for (const one of items) queue.add(one);
  for (let round = 0; round < 1_000; round++) queue.take(() => undefined);
  for (const one of items) queue.remove(one);
  // Scanning all of them each time would take seconds.
  assert.ok(performance.now() - startedAt < 1_000);
  assert.equal(queue.size, 0);
});
