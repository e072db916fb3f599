import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPeak } from '../../../../service/dispatcher/pools/peak.ts';
import { wantedExecutors } from '../../../../service/dispatcher/pools/sizing.ts';
import { spec } from './fake-elastic.ts';

const none = { peak: 0, before: undefined };
const observed = { running: 0, waiting: 0, slots: 4 };

test('what runs, waits and may come is divided by what one executor takes', () => {
  const pool = spec({ headroom: 2, maximum: 100 });
  assert.equal(wantedExecutors(pool, { running: 3, waiting: 3, slots: 4 }, none), 2);
  assert.equal(wantedExecutors(pool, { running: 3, waiting: 4, slots: 4 }, none), 3);
  assert.equal(wantedExecutors(pool, { running: 0, waiting: 98, slots: 1 }, none), 100);
});

test('without an executor to ask, the specification says what one takes, or four', () => {
  const unknown = { running: 0, waiting: 40, slots: undefined };
  assert.equal(wantedExecutors(spec({ maximum: 100 }), unknown, none), 10);
  const executor = { ...spec().executor, maxRunning: 20 };
  assert.equal(wantedExecutors(spec({ maximum: 100, executor }), unknown, none), 2);
});

test('it stays between minimum and maximum', () => {
  const pool = spec({ minimum: 2, maximum: 5 });
  assert.equal(wantedExecutors(pool, observed, none), 2);
  assert.equal(wantedExecutors(pool, { ...observed, waiting: 1_000 }, none), 5);
  assert.equal(wantedExecutors(pool, observed, { peak: 7, before: 0 }), 5);
});

test('headroom is kept, but none at minimum 0 while nothing runs or waits', () => {
  const pool = spec({ minimum: 0, headroom: 8 });
  assert.equal(wantedExecutors(pool, observed, none), 0);
  assert.equal(wantedExecutors(pool, { ...observed, running: 1 }, none), 3);
  assert.equal(wantedExecutors({ ...pool, minimum: 1 }, observed, none), 2);
});

test('it falls no lower than the peak, and rises once a rise was seen twice', () => {
  const pool = spec({ maximum: 50 });
  assert.equal(wantedExecutors(pool, observed, { peak: 6, before: 0 }), 6);
  const more = { running: 40, waiting: 40, slots: 4 };
  assert.equal(wantedExecutors(pool, more, { peak: 10, before: 10 }), 10);
  assert.equal(wantedExecutors(pool, more, { peak: 10, before: 20 }), 20);
});

test('a peak is forgotten after its window, not before, and many values need little memory', () => {
  const peak = createPeak(60_000);
  peak.add(0, 9);
  for (let now = 100; now <= 60_000; now += 100) peak.add(now, 3);
  assert.equal(peak.at(60_000), 9);
  for (let now = 60_100; now <= 62_100; now += 100) peak.add(now, 3);
  assert.equal(peak.at(62_100), 3);
  assert.equal(peak.at(200_000), 0);
});
