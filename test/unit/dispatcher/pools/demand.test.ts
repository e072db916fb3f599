import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Execution } from '../../../../service/dispatcher/execution.ts';
import { demandOf } from '../../../../service/dispatcher/pools/demand.ts';
import { viewPools } from '../../../../service/dispatcher/pools/pool-view.ts';
import { spec } from './fake-elastic.ts';

const views = viewPools([spec({ scaleUpAfterMs: 300 })], [], []).map((view) => ({ ...view, usable: 1 }));

/** Admitted at these times; what they ask for at 1,000. */
const asking = (...admitted: readonly number[]) => {
  const waiting = admitted.map((admittedAt) => ({ admittedAt, pools: undefined }) as Execution);
  const { asking, ripensAt } = demandOf(waiting, views, 1_000, () => false);
  return { asking: asking.get('default'), ripensAt };
};

test('what came right after one that has waited long enough asks with it', () => {
  assert.equal(asking(700, 720, 790, 800).asking, 4);
});

test('what came later than that waits its time', () => {
  assert.deepEqual(asking(700, 801, 900), { asking: 1, ripensAt: 1_101 });
});

test('what came together asks for nothing before the first has waited long enough', () => {
  assert.deepEqual(asking(701, 720, 790), { asking: 0, ripensAt: 1_001 });
});
