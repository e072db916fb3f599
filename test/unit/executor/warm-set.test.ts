import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PaddockError } from '../../../service/contracts/index.ts';
import { createWarmSet, type WarmKind, type WarmSet } from '../../../service/executor/warm-set.ts';
import { heldMaker, type Making, sandboxSpec } from './fake-sandbox.ts';

const kind = (key: string, of: Partial<WarmKind> = {}): WarmKind => ({
  spec: sandboxSpec(key),
  runtime: key,
  version: '1',
  stage: 'run',
  memoryMb: 10,
  startMs: 100,
  ...of,
});

interface Options {
  readonly budgetMb?: number;
  readonly makersAtOnce?: number;
  readonly mostPerKind?: number;
}

const open = (context: TestContext, options: Options = {}) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const maker = heldMaker();
  const faults: string[] = [];
  const clock = { ms: 0 };
  const warmSet = createWarmSet({
    maker,
    budgetMb: 1_000,
    makersAtOnce: 4,
    mostPerKind: 8,
    onFault: (runtime, error) => faults.push(`${runtime}: ${error.message}`),
    now: () => clock.ms,
    ...options,
  });
  /** One second passes. */
  const second = async (): Promise<void> => {
    clock.ms += 1_000;
    context.mock.timers.tick(1_000);
    await turn();
  };
  return { warmSet, maker, faults, clock, second };
};

const statusOf = (warmSet: WarmSet, runtime: string) => {
  const status = warmSet.status().find((entry) => entry.runtime === runtime);
  assert.ok(status);
  return status;
};
/** Ends every creation that is under way, those they bring with them too. */
const finishAll = async (makings: Making[], from = 0): Promise<void> => {
  for (let at = from; at < makings.length; at++) {
    makings[at]?.done();
    await turn();
  }
};
const the = <T>(value: T | undefined): T => {
  assert.ok(value !== undefined);
  return value;
};

describe('the warm set', () => {
  test('makes one of each kind ahead and hands it out once', async (context) => {
    const { warmSet, maker } = open(context);
    warmSet.keep(kind('python'));
    assert.equal(maker.makings.length, 1);
    const sandbox = the(maker.makings[0]).done();
    await turn();
    assert.equal(statusOf(warmSet, 'python').ready, 1);
    assert.equal(warmSet.counters().warmMb, 10);

    const taken = await warmSet.take(sandboxSpec('python'));
    assert.deepEqual([taken.sandbox === sandbox, taken.warm], [true, true]);
    assert.equal(statusOf(warmSet, 'python').ready, 0);
    await turn();
    assert.equal(maker.makings.length, 2, 'the next is made off the path of the request');
    assert.equal(sandbox.destroyed, 0, 'it is the taker who destroys it');

    const second = warmSet.take(sandboxSpec('python'));
    const fresh = the(maker.makings[1]).done();
    assert.equal((await second).sandbox, fresh);
    assert.notEqual(fresh, sandbox);
    assert.deepEqual(warmSet.counters(), { created: 2, failed: 0, hits: 1, misses: 1, warmMb: 0 });
  });

  test('counts equal specs as one stock, whoever keeps them', async (context) => {
    const { warmSet, maker } = open(context);
    warmSet.keep(kind('plain', { runtime: 'c' }));
    warmSet.keep(kind('plain', { runtime: 'go', memoryMb: 20 }));
    await finishAll(maker.makings);
    assert.equal(maker.makings.length, 1);
    assert.deepEqual([statusOf(warmSet, 'c').ready, statusOf(warmSet, 'go').ready], [1, 1]);
    assert.equal(warmSet.counters().warmMb, 20);
  });

  test('makes one on demand for a spec that is not kept, and keeps none of it', async (context) => {
    const { warmSet, maker, second } = open(context);
    const waiting = warmSet.take(sandboxSpec('other'));
    the(maker.makings[0]).done();
    assert.equal((await waiting).warm, false);
    await second();
    await second();
    assert.equal(maker.makings.length, 1);
  });

  test('serves those who wait, in their order, before it fills its stock', async (context) => {
    const { warmSet, maker } = open(context, { makersAtOnce: 1 });
    warmSet.keep(kind('stock'));
    warmSet.keep(kind('more-stock'));
    const first = warmSet.take(sandboxSpec('cold'));
    const second = warmSet.take(sandboxSpec('cold'));
    assert.equal(maker.makings.length, 1, 'one at a time');
    the(maker.makings[0]).done();
    await turn();
    assert.equal(maker.makings[1]?.spec.key, 'cold');
    const one = the(maker.makings[1]).done();
    assert.equal((await first).sandbox, one);
    const two = the(maker.makings[2]).done();
    assert.equal((await second).sandbox, two);
    await turn();
    assert.equal(maker.makings[3]?.spec.key, 'more-stock');
  });

  test('keeps to its budget, the busiest kind first', async (context) => {
    const { warmSet, maker, second } = open(context, { budgetMb: 25 });
    for (const name of ['a', 'b', 'c']) warmSet.keep(kind(name));
    assert.deepEqual(
      warmSet.status().map(({ target }) => target),
      [1, 1, 0],
    );
    await finishAll(maker.makings);
    assert.equal(warmSet.counters().warmMb, 20);
    void warmSet.take(sandboxSpec('c')).then(({ sandbox }) => sandbox.destroy());
    await second();
    assert.equal(statusOf(warmSet, 'c').target, 1);
    assert.equal(
      warmSet.status().reduce((sum, { target }) => sum + target, 0),
      2,
    );
    await finishAll(maker.makings);
    assert.ok(warmSet.counters().warmMb <= 25);
  });

  test('a kind that costs more than the budget is made on demand only', async (context) => {
    const { warmSet, maker } = open(context, { budgetMb: 5 });
    warmSet.keep(kind('java', { memoryMb: 100 }));
    assert.equal(maker.makings.length, 0);
    const waiting = warmSet.take(sandboxSpec('java'));
    the(maker.makings[0]).done();
    assert.equal((await waiting).warm, false);
  });

  test('demand raises the target at once, up to the most; idleness lowers it slowly', async (context) => {
    const { warmSet, maker, clock, second } = open(context, { mostPerKind: 5, makersAtOnce: 1_000 });
    const target = (): number => statusOf(warmSet, 'python').target;
    let made = 0;
    /** All creations under way take 100 ms. */
    const finish = async (): Promise<void> => {
      clock.ms += 100;
      for (const making of maker.makings.slice(made)) making.done();
      made = maker.makings.length;
      await turn();
    };
    warmSet.keep(kind('python', { startMs: 100 }));
    await finish();
    for (let n = 0; n < 10; n++) void warmSet.take(sandboxSpec('python'));
    await finish();
    await second();
    assert.equal(target(), 3, '10 a second times 0.1 s, twice that, and one');
    for (let n = 0; n < 200; n++) void warmSet.take(sandboxSpec('python'));
    await finish();
    await second();
    assert.equal(target(), 5, 'the most');

    await second();
    assert.equal(target(), 5, 'not at the first quiet second');
    for (let n = 0; n < 300; n++) await second();
    assert.equal(target(), 1);
  });

  test('destroys what it no longer wants to keep', async (context) => {
    const { warmSet, maker, second } = open(context);
    warmSet.keep(kind('python', { startMs: 1_000 }));
    const [first] = [the(maker.makings[0]).done()];
    await turn();
    void warmSet.take(sandboxSpec('python'));
    await second();
    const made = maker.makings.slice(1).map((making) => making.done());
    await turn();
    assert.equal(statusOf(warmSet, 'python').ready, made.length);
    for (let n = 0; n < 300; n++) await second();
    assert.equal(statusOf(warmSet, 'python').ready, 1);
    assert.equal(made.filter(({ destroyed }) => destroyed === 1).length, made.length - 1);
    assert.equal(first.destroyed, 0);
  });

  test('one that dies while it waits is never handed out, and replaced', async (context) => {
    const { warmSet, maker } = open(context);
    warmSet.keep(kind('python'));
    const sandbox = the(maker.makings[0]).done();
    await turn();
    sandbox.die();
    await turn();
    assert.equal(sandbox.destroyed, 1);
    assert.equal(statusOf(warmSet, 'python').ready, 0);
    assert.equal(maker.makings.length, 2);
    const replacement = the(maker.makings[1]).done();
    await turn();
    assert.equal((await warmSet.take(sandboxSpec('python'))).sandbox, replacement);
  });

  test('one that was taken and dies is the taker’s', async (context) => {
    const { warmSet, maker } = open(context);
    warmSet.keep(kind('python'));
    const sandbox = the(maker.makings[0]).done();
    await turn();
    await warmSet.take(sandboxSpec('python'));
    sandbox.die();
    await turn();
    assert.equal(sandbox.destroyed, 0);
  });
});

describe('a warm set that cannot make sandboxes', () => {
  test('tells the first who waits, and tries again for the next', async (context) => {
    const { warmSet, maker, faults } = open(context);
    const first = warmSet.take(sandboxSpec('broken'));
    const second = warmSet.take(sandboxSpec('broken'));
    the(maker.makings[0]).fail('no user namespaces');
    await assert.rejects(first, /no user namespaces/);
    the(maker.makings[1]).done();
    assert.ok((await second).sandbox);
    assert.deepEqual(faults, ['plain: no user namespaces']);
    assert.equal(warmSet.counters().failed, 1);
  });

  test('backs off with its stock, longer each time, but not from those who wait', async (context) => {
    const { warmSet, maker, faults, clock, second } = open(context);
    warmSet.keep(kind('python'));
    the(maker.makings[0]).fail('once');
    await turn();
    assert.equal(maker.makings.length, 1, 'not at once');
    await second();
    assert.equal(maker.makings.length, 2);
    const pauses: number[] = [];
    for (let n = 1; n < 12; n++) {
      const failedAt = clock.ms;
      the(maker.makings.at(-1)).fail('again');
      await turn();
      while (maker.makings.length === n + 1) await second();
      pauses.push(clock.ms - failedAt);
    }
    assert.deepEqual(
      pauses,
      [...pauses].sort((a, b) => a - b),
    );
    assert.deepEqual([pauses[0], pauses.at(-1)], [1_000, 30_000]);
    assert.equal(faults[0], 'python: once');

    the(maker.makings.at(-1)).fail('again');
    await turn();
    const made = maker.makings.length;
    const waiting = warmSet.take(sandboxSpec('python'));
    assert.equal(maker.makings.length, made + 1);
    the(maker.makings.at(-1)).done();
    assert.ok((await waiting).sandbox);
  });

  test('survives a sandbox that cannot be destroyed', async (context) => {
    const { warmSet, maker, faults } = open(context);
    const destroy = () => Promise.reject(new Error('the cgroup is busy'));
    warmSet.keep(kind('python'));
    the(maker.makings[0]).done({ destroy }).die(); // died in waiting
    await turn();
    the(maker.makings.at(-1)).done({ destroy });
    await turn();
    await warmSet.close();
    assert.deepEqual(faults, ['python: the cgroup is busy', 'python: the cgroup is busy']);
  });
});

describe('waiting for a sandbox', () => {
  const closed = (code: string) => (error: unknown) => error instanceof PaddockError && error.code === code;

  test('ends with the signal, and the next in the line gets what was made', async (context) => {
    const { warmSet, maker } = open(context, { makersAtOnce: 1 });
    const cancel = new AbortController();
    const first = warmSet.take(sandboxSpec('a'), cancel.signal);
    const second = warmSet.take(sandboxSpec('a'));
    cancel.abort();
    await assert.rejects(first, closed('client-closed'));
    const made = the(maker.makings[0]).done();
    assert.equal((await second).sandbox, made);
  });

  test('leaves nothing behind when it was the only one', async (context) => {
    const { warmSet, maker } = open(context, { makersAtOnce: 1 });
    const cancel = new AbortController();
    const waiting = [sandboxSpec('a'), sandboxSpec('b')].map((spec) => warmSet.take(spec, cancel.signal));
    cancel.abort();
    for (const promise of waiting) await assert.rejects(promise, closed('client-closed'));
    const made = the(maker.makings[0]).done();
    await turn();
    assert.equal(made.destroyed, 1, 'nobody keeps this kind');
    assert.equal(maker.makings.length, 1, 'the other is not made for nobody');
  });

  test('of what is kept, leaves it to the stock', async (context) => {
    const { warmSet, maker } = open(context);
    warmSet.keep(kind('python'));
    const cancel = new AbortController();
    const waiting = warmSet.take(sandboxSpec('python'), cancel.signal);
    cancel.abort();
    await assert.rejects(waiting, closed('client-closed'));
    the(maker.makings[0]).done();
    await turn();
    assert.equal(statusOf(warmSet, 'python').ready, 1);
  });

  test('does not begin when the signal has ended already', async (context) => {
    const { warmSet, maker } = open(context);
    await assert.rejects(warmSet.take(sandboxSpec('a'), AbortSignal.abort()), closed('client-closed'));
    assert.equal(maker.makings.length, 0);
  });

  test('is over when the warm set closes: all rejected, all destroyed, what is being made too', async (context) => {
    const { warmSet, maker, faults, second } = open(context, { makersAtOnce: 2 });
    warmSet.keep(kind('python'));
    const ready = the(maker.makings[0]).done();
    await turn();
    const waiting = [sandboxSpec('a'), sandboxSpec('a'), sandboxSpec('b')].map((spec) => warmSet.take(spec));
    const outcomes = Promise.allSettled(waiting);
    const closing = warmSet.close();
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === 'rejected' && closed('shutting-down')(outcome.reason));
    }
    assert.equal(ready.destroyed, 1);
    assert.ok(maker.makings.slice(1).every(({ signal }) => signal?.aborted));
    const late = the(maker.makings[1]).done();
    the(maker.makings[2]).fail('cancelled');
    await closing;
    assert.equal(late.destroyed, 1);
    assert.deepEqual(faults, [], 'its own end is no fault');
    await assert.rejects(warmSet.take(sandboxSpec('python')), closed('shutting-down'));
    await second();
    assert.equal(maker.makings.length, 3);
  });
});
