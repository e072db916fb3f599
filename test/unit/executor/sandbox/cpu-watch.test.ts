import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchCpu } from '../../../../service/executor/sandbox/cpu-watch.ts';

test('looks first when the limit could be reached, then when the rest could be, and tells once', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let used = 0;
  let looks = 0;
  let told = 0;
  const used2 = (): number => {
    looks += 1;
    return used;
  };
  watchCpu(used2, 1_000, 2, () => {
    told += 1;
  });
  context.mock.timers.tick(499);
  assert.equal(looks, 0, 'two cores need half the time');
  used = 600;
  context.mock.timers.tick(1);
  assert.deepEqual([looks, told], [1, 0]);
  used = 999.9;
  context.mock.timers.tick(200);
  assert.deepEqual([looks, told], [2, 0]);
  used = 1_000;
  context.mock.timers.tick(5);
  assert.deepEqual([looks, told], [3, 1]);
  context.mock.timers.tick(100_000);
  assert.deepEqual([looks, told], [3, 1]);
});

test('says nothing once ended, and nothing without a limit', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const never = (): void => assert.fail('was told');
  watchCpu(() => 1_000_000, 10, 1, never)();
  watchCpu(() => 1_000_000, Number.POSITIVE_INFINITY, 1, never)();
  context.mock.timers.tick(100_000);
});
