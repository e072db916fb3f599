import assert from 'node:assert/strict';
import { test } from 'node:test';
import { every } from '../../../../service/cluster/nomad/every.ts';
import { createHandClock } from '../../hand-clock.ts';
import { settle } from './fake-nomad.ts';

const counted = () => {
  const clock = createHandClock();
  let begun = 0;
  let end = (_ms: number): void => {};
  const repeated = every(clock, () => {
    begun++;
    return new Promise<number>((resolve) => {
      end = resolve;
    });
  });
  return { clock, repeated, begun: () => begun, end: (ms: number) => end(ms) };
};

test('does it now, and again after what each time answers, never twice at once', async () => {
  const { clock, begun, end } = counted();
  assert.equal(begun(), 1);
  clock.advance(60_000);
  assert.equal(begun(), 1, 'the first is still under way');
  end(500);
  await settle();
  clock.advance(499);
  assert.equal(begun(), 1);
  clock.advance(1);
  assert.equal(begun(), 2);
});

test('is done soon instead of at its time, and once more after one that is under way', async () => {
  const { clock, repeated, begun, end } = counted();
  repeated.soon();
  repeated.soon();
  assert.equal(begun(), 1);
  end(500);
  await settle();
  assert.equal(begun(), 2, 'once for both');
  end(500);
  await settle();
  repeated.soon();
  assert.equal(begun(), 3);
  end(500);
  await settle();
  assert.deepEqual(clock.pending(), [500], 'the time before is not kept');
});

test('stops, whatever is under way or was asked for', async () => {
  const { clock, repeated, begun, end } = counted();
  repeated.soon();
  repeated.stop();
  end(10);
  await settle();
  repeated.soon();
  clock.advance(1_000);
  assert.equal(begun(), 1);
  assert.deepEqual(clock.pending(), []);
});
