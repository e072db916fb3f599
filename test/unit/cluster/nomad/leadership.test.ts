import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NomadError } from '../../../../service/cluster/nomad/api/errors.ts';
import type { NomadVariables } from '../../../../service/cluster/nomad/api/port.ts';
import { type Leadership, seekLeadership } from '../../../../service/cluster/nomad/leadership.ts';
import { createHandClock, type HandClock } from '../../hand-clock.ts';
import { createFakeNomad, type FakeNomad, pass, settle } from './fake-nomad.ts';

const PATH = 'paddock/leader';

interface Candidate {
  readonly name: string;
  readonly leadership: Leadership;
  readonly elected: () => number;
  readonly warned: string[];
  /** Its requests fail from here on, before Nomad does anything or after it has. */
  cut(how: 'before' | 'after' | undefined): void;
  /** Each way of its requests, and each way back, takes this long. */
  delay(thereMs: number, backMs: number): void;
}

const candidate = (nomad: FakeNomad, clock: HandClock, name: string): Candidate => {
  let broken: 'before' | 'after' | undefined;
  let delays = { there: 0, back: 0 };
  let elected = 0;
  let taken = 0;
  const warned: string[] = [];
  const wait = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => clock.after(ms, resolve));
  const lost = (): void => {
    throw new NomadError('Nomad cannot be reached');
  };
  const by = async <T>(ask: () => Promise<T>): Promise<T> => {
    const { there, back } = delays;
    await wait(there);
    if (broken === 'before') lost();
    const answer = await ask();
    await wait(back);
    if (broken === 'after') lost();
    return answer;
  };
  const { variables } = nomad.api;
  const slow: NomadVariables = {
    get: (...given) => by(() => variables.get(...given)),
    put: (...given) => by(() => variables.put(...given)),
    acquire: (...given) => by(() => variables.acquire(...given)),
    renew: (...given) => by(() => variables.renew(...given)),
    release: (...given) => by(() => variables.release(...given)),
  };
  const leadership = seekLeadership({
    variables: slow,
    path: PATH,
    self: { dispatcher: name, url: `http://${name}:7070` },
    clock,
    log: { info: () => {}, warn: (_fields, message) => warned.push(message) },
    elected: () => elected++,
    newId: () => `${name}-${++taken}`,
  });
  return {
    ...{ name, leadership, elected: () => elected, warned },
    cut: (how) => {
      broken = how;
    },
    delay: (there, back) => {
      delays = { there, back };
    },
  };
};

const prepared = async (...names: string[]) => {
  const clock = createHandClock();
  const nomad = createFakeNomad(clock);
  const candidates: Candidate[] = [];
  for (const name of names) {
    candidates.push(candidate(nomad, clock, name));
    await settle();
  }
  return { clock, nomad, candidates };
};
const holders = (candidates: readonly Candidate[]) =>
  candidates.filter(({ leadership }) => leadership.holds()).map(({ name }) => name);

/** What is under way when they close takes its time. */
const closeAll = async (clock: HandClock, candidates: readonly Candidate[]): Promise<void> => {
  const closed = Promise.all(candidates.map(({ leadership }) => leadership.close()));
  await pass(clock, 30_000, 1_000);
  await closed;
};

/** Lets time pass until it is so; the answer is how long that took. */
const until = async (clock: HandClock, isSo: () => boolean, atMostMs: number): Promise<number> => {
  const begun = clock.now();
  while (!isSo()) {
    assert.ok(clock.now() - begun < atMostMs, `not within ${atMostMs} ms`);
    await pass(clock, 100, 100);
  }
  return clock.now() - begun;
};

describe('the leader', () => {
  test('is the first, stays it, and all know where it is', async () => {
    const { clock, candidates } = await prepared('a', 'b', 'c');
    await pass(clock, 120_000);
    assert.deepEqual(holders(candidates), ['a']);
    for (const { leadership } of candidates)
      assert.deepEqual(leadership.leader(), { dispatcher: 'a', url: 'http://a:7070' });
    assert.deepEqual(
      candidates.map(({ elected }) => elected()),
      [1, 0, 0],
    );
    await closeAll(clock, candidates);
  });

  test('is another one at once when it closes', async () => {
    const { clock, nomad, candidates } = await prepared('a', 'b');
    const [a, b] = candidates;
    await pass(clock, 5_000);
    await a?.leadership.close();
    assert.equal(a?.leadership.holds(), false);
    assert.equal(nomad.variable(PATH)?.Lock, undefined);
    await pass(clock, 1_250);
    assert.equal(b?.leadership.holds(), true);
    await b?.leadership.close();
    assert.deepEqual(clock.pending(), []);
  });

  test('is another one within 15 s when it vanishes, whenever that is', async () => {
    for (const vanishesAfter of [0, 900, 2_500, 4_900, 20_000]) {
      const { clock, candidates } = await prepared('a', 'b');
      const [a, b] = candidates;
      await pass(clock, vanishesAfter, 100);
      a?.cut('before');
      const took = await until(clock, () => b?.leadership.holds() ?? false, 15_000);
      assert.ok(took <= 12_500, `${took} ms`);
      assert.equal(a?.leadership.holds(), false);
      await closeAll(clock, candidates);
    }
  });

  test('stays it while Nomad does not answer for a few seconds, and is told of it once', async () => {
    const { clock, candidates } = await prepared('a', 'b');
    const [a] = candidates;
    await pass(clock, 10_000);
    a?.cut('before');
    await pass(clock, 5_000);
    assert.deepEqual(holders(candidates), ['a']);
    a?.cut(undefined);
    await pass(clock, 60_000);
    assert.deepEqual(holders(candidates), ['a']);
    assert.equal(a?.elected(), 1);
    assert.deepEqual(a?.warned, ['the lock of the leader cannot be reached']);
    await closeAll(clock, candidates);
  });

  test('is elected anew after it lost the lock', async () => {
    const { clock, candidates } = await prepared('a');
    const [a] = candidates;
    a?.cut('before');
    await pass(clock, 30_000);
    assert.equal(a?.leadership.holds(), false);
    assert.equal(a?.leadership.leader(), undefined);
    a?.cut(undefined);
    await until(clock, () => a?.leadership.holds() ?? false, 15_000);
    assert.equal(a?.elected(), 2);
    await a?.leadership.close();
  });

  test('is nobody once it has let go: what it wrote does not name it any more', async () => {
    const { nomad, candidates, clock } = await prepared('b');
    await candidates[0]?.leadership.close();
    assert.equal((await nomad.api.variables.get(PATH))?.Items.dispatcher, undefined);
    nomad.fail('acquire', 500);
    const c = candidate(nomad, clock, 'c');
    await pass(clock, 3_000);
    assert.equal(c.leadership.leader(), undefined);
    nomad.fail(undefined);
    await closeAll(clock, [c]);
  });

  test('is another one at once where the variable names one whose lock Nomad has freed', async () => {
    const clock = createHandClock();
    const nomad = createFakeNomad(clock);
    await nomad.api.variables.put(PATH, { dispatcher: 'dead', url: 'http://dead:7070', lock: 'gone' }, 0);
    const a = candidate(nomad, clock, 'a');
    await settle();
    assert.equal(a.leadership.holds(), true);
    assert.equal(a.leadership.leader()?.dispatcher, 'a');
    await closeAll(clock, [a]);
  });

  test('is nobody whose beat came too late, though it was written', async () => {
    const { clock, candidates } = await prepared('a');
    const [a] = candidates;
    await pass(clock, 4_000);
    a?.delay(0, 3_000);
    let wasLate = false;
    const begun = clock.now();
    while (clock.now() - begun < 30_000) {
      const before = a?.leadership.holds();
      await pass(clock, 100, 100);
      // Once the time is over only a new election makes it the leader.
      const elections = a?.elected() ?? 0;
      if (!before && a?.leadership.holds()) {
        wasLate = true;
        assert.ok(elections > 1);
      }
    }
    assert.ok(wasLate || a?.leadership.holds() === false, 'the delay made no beat late');
    a?.delay(0, 0);
    await closeAll(clock, candidates);
  });

  test('lets go of a lock that it is just taking when it closes', async () => {
    const clock = createHandClock();
    const nomad = createFakeNomad(clock);
    const a = candidate(nomad, clock, 'a');
    a.delay(0, 300);
    await pass(clock, 700, 100);
    assert.equal(nomad.variable(PATH)?.Items.dispatcher, 'a', 'it is being taken');
    const closed = a.leadership.close();
    await pass(clock, 1_000, 100);
    await closed;
    assert.equal(nomad.variable(PATH)?.Lock, undefined);
    assert.equal(a.leadership.holds(), false);
  });
});

const delayMs = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 12_000 }) },
);
/** What happens to one of three: slow ways, a broken network, or all well again. */
const event = fc.record({
  who: fc.nat(2),
  cut: fc.constantFrom('before' as const, 'after' as const, undefined, undefined, undefined),
  there: delayMs,
  back: delayMs,
  forMs: fc.integer({ min: 100, max: 20_000 }),
});

test('two never lead at once, whatever the delays and failures, and in the end one does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 6 }), async (events) => {
      const { clock, candidates } = await prepared('a', 'b', 'c');
      const check = () => {
        const held = holders(candidates);
        assert.ok(held.length <= 1, `${held.join(' and ')} lead at once`);
      };
      for (const { who, cut, there, back, forMs } of events) {
        candidates[who]?.cut(cut);
        candidates[who]?.delay(there, back);
        for (let left = forMs; left > 0; left -= 250) {
          await pass(clock, 250, 250);
          check();
        }
      }
      for (const each of candidates) {
        each.cut(undefined);
        each.delay(0, 0);
      }
      const begun = clock.now();
      while (holders(candidates).length === 0) {
        assert.ok(clock.now() - begun < 60_000, 'nobody leads');
        await pass(clock, 250, 250);
        check();
      }
      await closeAll(clock, candidates);
    }),
    { numRuns: 150 },
  );
});
