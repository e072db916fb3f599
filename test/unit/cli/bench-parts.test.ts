import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bucketsOf, latenciesOf } from '../../../service/cli/bench/histogram.ts';
import { createPace } from '../../../service/cli/bench/pace.ts';

/** A clock whose timer fires when the test says so. */
const handClock = () => {
  let time = 0;
  let call: (() => void) | undefined;
  return {
    now: () => time,
    after: (_ms: number, then: () => void) => {
      call = then;
      return () => {
        call = undefined;
      };
    },
    goTo: (ms: number) => {
      time = ms;
      call?.();
    },
  };
};

describe('the pace', () => {
  test('lets one connection send at each interval', () => {
    const clock = handClock();
    const pace = createPace(10, clock);
    const sent: [number, number][] = [];
    for (let n = 0; n < 3; n++) pace.next((late) => sent.push([clock.now(), late]));
    for (const ms of [0, 50, 100, 150, 230]) clock.goTo(ms);
    // 200 was due when a connection stood ready: the timer's delay is not the service's.
    assert.deepEqual(sent, [
      [0, 0],
      [100, 0],
      [230, 0],
    ]);
  });

  test('counts from when a request was due where no connection was free', () => {
    const clock = handClock();
    const pace = createPace(10, clock);
    clock.goTo(250);
    assert.equal(pace.behind(), 3);
    const late: number[] = [];
    pace.next((ms) => late.push(ms));
    pace.next((ms) => late.push(ms));
    assert.deepEqual(late, [250, 150]);
    assert.equal(pace.behind(), 1);
  });

  test('stops', () => {
    const clock = handClock();
    const pace = createPace(10, clock);
    pace.stop();
    clock.goTo(500);
    assert.equal(pace.behind(), 0);
  });
});

describe('the histogram', () => {
  test('percentiles are values that occurred', () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    assert.deepEqual(latenciesOf(values), {
      ...{ min: 1, mean: 50.5, p50: 50, p75: 75, p90: 90, p95: 95, p99: 99, p999: 100, max: 100 },
    });
    assert.equal(latenciesOf([7]).p99, 7);
  });

  for (const values of [[5], [1, 10, 100], [0.2, 0.3], [99, 100, 101], [3, 90_000], [1_000, 1_000], [0, 4]]) {
    test(`every one of ${values.join(', ')} is in the bucket that its bounds say`, () => {
      const buckets = bucketsOf(values);
      assert.ok(buckets.length <= 12, `${buckets.length} buckets`);
      for (const [index, { fromMs, toMs, count }] of buckets.entries()) {
        const inside = values.filter((ms) => ms <= toMs && (index === 0 ? ms >= fromMs : ms > fromMs));
        assert.equal(count, inside.length);
        if (index > 0) assert.equal(fromMs, buckets[index - 1]?.toMs);
      }
      assert.equal(
        buckets.reduce((total, { count }) => total + count, 0),
        values.length,
      );
    });
  }

  test('a hundred thousand values are no problem', () => {
    const values = Array.from({ length: 200_000 }, (_, n) => 1 + (n % 50));
    assert.equal(
      bucketsOf(values).reduce((total, { count }) => total + count, 0),
      200_000,
    );
  });
});
