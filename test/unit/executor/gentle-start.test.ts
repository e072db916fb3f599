import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createGentleStart } from '../../../service/executor/gentle-start.ts';
import { createHandClock } from '../hand-clock.ts';

const prepared = () => {
  const clock = createHandClock();
  const machine = { busy: false };
  const done: string[] = [];
  const gentle = createGentleStart({ clock, isBusy: () => machine.busy, random: () => 0.5 });
  return {
    clock,
    machine,
    done,
    gentle,
    add: (cost: number, name: string) => gentle.add(cost, () => done.push(name)),
  };
};

describe('a gentle start', () => {
  test('does the cheapest first, one piece after the other, and nothing before it has begun', () => {
    const { clock, done, gentle, add } = prepared();
    add(500, 'java');
    add(20, 'bash');
    add(40, 'python');
    add(20, 'perl');
    clock.advance(10_000);
    assert.deepEqual(done, []);
    gentle.begin();
    clock.advance(99);
    assert.deepEqual(done, []);
    clock.advance(1);
    assert.deepEqual(done, ['bash']);
    clock.advance(200);
    assert.deepEqual(done, ['bash', 'perl', 'python']);
    clock.advance(100);
    assert.deepEqual(done, ['bash', 'perl', 'python', 'java']);
    assert.deepEqual(clock.pending(), []);
    add(80, 'late');
    clock.advance(100);
    assert.equal(done.at(-1), 'late');
  });

  test('waits while the machine is busy, but not for ever', () => {
    const { clock, machine, done, gentle, add } = prepared();
    add(1, 'a');
    add(2, 'b');
    add(3, 'c');
    machine.busy = true;
    gentle.begin();
    clock.advance(999);
    assert.deepEqual(done, []);
    clock.advance(1);
    assert.deepEqual(done, ['a']);
    clock.advance(500);
    machine.busy = false;
    clock.advance(100);
    assert.deepEqual(done, ['a', 'b']);
    machine.busy = true;
    clock.advance(999);
    assert.deepEqual(done, ['a', 'b']);
    clock.advance(1);
    assert.deepEqual(done, ['a', 'b', 'c']);
  });

  test('leaves what it has not done when it is closed', () => {
    const { clock, done, gentle, add } = prepared();
    add(1, 'a');
    gentle.begin();
    gentle.close();
    add(1, 'b');
    clock.advance(10_000);
    assert.deepEqual(done, []);
    assert.deepEqual(clock.pending(), []);
  });
});
