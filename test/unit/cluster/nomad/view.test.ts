import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Allocation,
  type ChildJob,
  type Evaluation,
  evaluationSchema,
} from '../../../../service/cluster/nomad/api/answers.ts';
import { type Change, createView, poolOfJob } from '../../../../service/cluster/nomad/view.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';
import { allocationOf } from './fake-nomad.ts';

const NOW = 1_800_000_000_000;
const JOB = 'paddock-default/dispatch-1800000000-0000000a';
const OTHER = 'paddock-default/dispatch-1800000000-0000000b';
const specs = ['default', 'gpu-large'].map((name) => poolSpecSchema.parse({ name }));
const view = () => createView('paddock', specs);

const listed = (id: string, given: Partial<ChildJob> = {}): ChildJob => ({
  ...{ ID: id, ParentID: 'paddock-default', Status: 'running', Stop: false },
  ...{ SubmitTime: NOW, ModifyIndex: 1, ...given },
});
const kinds = (changes: readonly (Change | undefined)[]) => changes.map((change) => change?.kind);
const blocked = (job: string, index: number, missing = '${meta.gpu} is_set '): Evaluation =>
  evaluationSchema.parse({
    ...{ ID: `eval-${index}`, JobID: job, Status: 'blocked', ModifyIndex: index },
    FailedTGAllocs: {
      executor: { NodesEvaluated: 1, NodesAvailable: { dc1: 1 }, ConstraintFiltered: { [missing]: 1 } },
    },
  });
const placed = (job: string, index: number): Evaluation =>
  evaluationSchema.parse({ ID: `eval-${index}`, JobID: job, Status: 'complete', ModifyIndex: index });

describe('whose job it is', () => {
  test('the pool stands between the prefix and the dispatch', () => {
    assert.equal(poolOfJob(JOB, 'paddock'), 'default');
    assert.equal(poolOfJob('paddock-gpu-large/dispatch-1-0000000a', 'paddock'), 'gpu-large');
    assert.equal(poolOfJob('paddock-default', 'paddock'), undefined);
    assert.equal(poolOfJob('paddocks-default/dispatch-1-0000000a', 'paddock'), undefined);
    assert.equal(poolOfJob('my-paddock-default/dispatch-1-0000000a', 'paddock'), undefined);
  });

  test('jobs of other installations, of the dispatcher and of unknown pools are left alone', () => {
    const seen = view();
    const strangers = [
      'paddock-x-default/dispatch-1800000000-0000000a',
      'paddock-dispatcher',
      'paddock-dispatcher/dispatch-1800000000-0000000a',
      'paddock-gone/dispatch-1800000000-0000000a',
    ];
    for (const job of strangers)
      assert.equal(seen.allocation(allocationOf({ id: 'a', job, created: NOW })), undefined, job);
    assert.deepEqual(
      seen.relist(
        strangers.map((id) => listed(id)),
        [],
        NOW + 1,
      ),
      [],
    );
    for (const job of strangers) seen.evaluation(blocked(job, 5));
    assert.deepEqual(seen.launched(), []);
    assert.equal(seen.isOver('paddock-x-default/dispatch-1800000000-0000000a'), false);
  });
});

describe('an executor from its dispatch to its end', () => {
  test('is pending, placed, retiring and gone, and each change is told once', () => {
    const seen = view();
    seen.dispatched(JOB, NOW);
    const state = () => seen.launched().map(({ state, executor }) => [state, executor]);
    assert.deepEqual(state(), [['pending', undefined]]);
    assert.deepEqual(seen.unexplained(), [JOB]);
    const at = { id: 'a', job: JOB, created: NOW };
    assert.equal(seen.allocation(allocationOf({ ...at, status: 'pending', index: 20 })), undefined);
    assert.equal(seen.isLive('a'), true);
    assert.deepEqual(state(), [['placed', 'a']]);
    const running = allocationOf({ ...at, index: 21 });
    assert.deepEqual(seen.allocation(running), { kind: 'running', allocation: running, pool: 'default' });
    assert.equal(seen.allocation(running), undefined, 'twice');
    assert.equal(seen.allocation(allocationOf({ ...at, status: 'pending', index: 20 })), undefined, 'older');
    assert.deepEqual(state(), [['placed', 'a']]);
    const ending = allocationOf({ ...at, desired: 'stop', index: 22 });
    assert.deepEqual(seen.allocation(ending), { kind: 'ending', id: 'a' });
    assert.equal(seen.allocation({ ...ending, ModifyIndex: 23 }), undefined, 'once');
    assert.deepEqual(state(), [['retiring', 'a']]);
    const ended = allocationOf({ ...at, status: 'complete', desired: 'stop', index: 24 });
    assert.equal(seen.allocation(ended)?.kind, 'ended');
    assert.equal(seen.allocation(ended), undefined);
    assert.equal(seen.allocation({ ...running, ModifyIndex: 30 }), undefined, 'nothing brings it back');
    assert.equal(seen.isLive('a'), false);
    assert.deepEqual(state(), []);
    assert.equal(seen.isOver(JOB), true);
  });

  test('its allocation may be told before its job is known', () => {
    const seen = view();
    assert.equal(seen.allocation(allocationOf({ id: 'a', job: JOB, created: NOW }))?.kind, 'running');
    seen.dispatched(JOB, NOW + 5_000);
    assert.deepEqual(
      seen.launched().map(({ executor, launchedAt }) => [executor, launchedAt]),
      [['a', NOW]],
    );
  });

  test('one whose end is the first that is told has ended: it may have registered itself', () => {
    assert.deepEqual(view().allocation(allocationOf({ id: 'a', job: JOB, status: 'failed', created: NOW })), {
      kind: 'ended',
      id: 'a',
      reason: 'allocation failed',
    });
  });

  test('one that was drained is not placed again, one that was lost is', () => {
    const seen = view();
    seen.allocation(allocationOf({ id: 'a', job: JOB, created: NOW }));
    seen.allocation(allocationOf({ id: 'b', job: OTHER, created: NOW }));
    seen.allocation(
      allocationOf({ id: 'a', job: JOB, status: 'complete', desired: 'stop', created: NOW, index: 2 }),
    );
    const lost = allocationOf({
      id: 'b',
      job: OTHER,
      status: 'lost',
      desired: 'stop',
      created: NOW,
      index: 2,
    });
    assert.deepEqual(seen.allocation(lost), { kind: 'ended', id: 'b', reason: 'its node one was lost' });
    assert.deepEqual(
      seen.launched().map(({ id, state, executor }) => [id, state, executor]),
      [[OTHER, 'pending', undefined]],
    );
    const again = allocationOf({ id: 'c', job: OTHER, created: NOW + 1_000, index: 3 });
    assert.equal(seen.allocation(again)?.kind, 'running');
    assert.equal(seen.allocation({ ...lost, ModifyIndex: 9 }), undefined);
    assert.deepEqual(
      seen.launched().map(({ state, executor }) => [state, executor]),
      [['placed', 'c']],
    );
  });

  test('the replacement may be told before the loss', () => {
    const seen = view();
    seen.allocation(allocationOf({ id: 'a', job: JOB, created: NOW, index: 2 }));
    seen.allocation(allocationOf({ id: 'b', job: JOB, created: NOW + 1_000, index: 9 }));
    const lost = allocationOf({ id: 'a', job: JOB, status: 'lost', desired: 'stop', created: NOW, index: 8 });
    assert.equal(seen.allocation(lost)?.kind, 'ended');
    assert.deepEqual(
      seen.launched().map(({ executor, state }) => [executor, state]),
      [['b', 'placed']],
    );
  });

  test('a silent node is told as an end, counts for nothing, and is taken back', () => {
    const seen = view();
    const at = { id: 'a', job: JOB, created: NOW };
    seen.allocation(allocationOf({ ...at, index: 2 }));
    const silent = allocationOf({ ...at, status: 'unknown', modified: NOW + 60_000, index: 3 });
    assert.deepEqual(seen.allocation(silent), { kind: 'ended', id: 'a', reason: 'its node one is silent' });
    assert.equal(seen.allocation({ ...silent, ModifyIndex: 4 }), undefined);
    assert.deepEqual(seen.launched(), []);
    assert.equal(seen.isOver(JOB), false, 'it may still run');
    assert.deepEqual(seen.silentSince(NOW + 60_000), []);
    assert.deepEqual(seen.silentSince(NOW + 60_001), [JOB]);
    assert.equal(seen.allocation(allocationOf({ ...at, index: 5 }))?.kind, 'running');
    assert.deepEqual(seen.silentSince(NOW + 90_000), []);
    assert.equal(seen.launched().length, 1);
    assert.equal(seen.allocation({ ...silent, ModifyIndex: 6, DesiredStatus: 'stop' })?.kind, 'ended');
    assert.deepEqual(seen.silentSince(NOW + 90_000), [], 'it was given up already');
  });

  test('one that ends for an hour stays, though Nomad calls its job dead or knows it no more', () => {
    const seen = view();
    const ending = allocationOf({ id: 'a', job: JOB, desired: 'stop', created: NOW, index: 3 });
    seen.allocation(ending);
    const dead = listed(JOB, { Status: 'dead', Stop: true, ModifyIndex: 3 });
    assert.deepEqual(seen.relist([dead], [ending], NOW + 3_600_000), []);
    assert.deepEqual(
      seen.launched().map(({ state }) => state),
      ['retiring'],
    );
    assert.equal(seen.isOver(JOB), false);
    assert.deepEqual(seen.relist([], [ending], NOW + 3_600_000), [], 'purged by an operator');
    assert.deepEqual(
      seen.launched().map(({ state }) => state),
      ['retiring'],
    );
    assert.equal(seen.isLive('a'), true);
  });

  test('one that is told to end and was not heard is to be told again', () => {
    const seen = view();
    seen.dispatched(JOB, NOW);
    seen.retiring(JOB, NOW);
    assert.deepEqual(seen.launched(), [], 'nothing of it runs');
    seen.relist([listed(JOB)], [], NOW - 1);
    assert.deepEqual(seen.launched(), [], 'listed before');
    seen.relist([listed(JOB)], [], NOW + 1);
    assert.deepEqual(
      seen.launched().map(({ state }) => state),
      ['pending'],
    );
    seen.relist([listed(JOB, { Stop: true, ModifyIndex: 2 })], [], NOW + 1);
    assert.deepEqual(seen.launched(), []);
    seen.relist([listed(JOB)], [], NOW + 1);
    assert.deepEqual(seen.launched(), [], 'an older listing of the job');
  });
});

describe('why nothing is placed', () => {
  test('is known while it waits, whatever came first, and forgotten once it is placed', () => {
    const seen = view();
    seen.evaluation(blocked(JOB, 18));
    const reasons = () => seen.launched().map(({ reasons }) => reasons);
    assert.deepEqual(reasons(), [['no node has meta.gpu']], 'a blocked evaluation shows that there is one');
    assert.deepEqual(seen.unexplained(), []);
    seen.evaluation(blocked(JOB, 17, '${meta.old} is_set '));
    assert.deepEqual(reasons(), [['no node has meta.gpu']]);
    seen.evaluation(placed(JOB, 30));
    seen.allocation(allocationOf({ id: 'a', job: JOB, created: NOW, index: 31 }));
    seen.evaluation(blocked(JOB, 29));
    assert.deepEqual(reasons(), [[]]);
  });

  test('evaluations of jobs that were purged make no executors', () => {
    const seen = view();
    seen.evaluation(placed(JOB, 3));
    assert.deepEqual(seen.launched(), []);
  });
});

describe('a listing', () => {
  test('misses nothing that was dispatched after it began', () => {
    const seen = view();
    seen.dispatched(JOB, NOW + 500);
    seen.allocation(allocationOf({ id: 'b', job: OTHER, created: NOW + 600 }));
    assert.deepEqual(seen.relist([], [], NOW), []);
    assert.equal(seen.launched().length, 2);
    assert.deepEqual(kinds(seen.relist([], [], NOW + 60_000)), ['ended']);
    assert.deepEqual(seen.launched(), []);
    assert.equal(seen.isLive('b'), undefined);
  });

  test('ends what Nomad has collected, its job or its allocation alone', () => {
    const seen = view();
    const at = allocationOf({ id: 'a', job: JOB, created: NOW });
    seen.relist([listed(JOB)], [at], NOW);
    assert.deepEqual(seen.relist([listed(JOB, { Status: 'dead' })], [], NOW + 1), [
      { kind: 'ended', id: 'a', reason: 'Nomad knows it no more' },
    ]);
    assert.deepEqual(seen.launched(), []);
    assert.deepEqual(seen.relist([], [], NOW + 60_000), []);
    assert.equal(seen.isOver(JOB), false, 'it is not known any more');
  });

  test('that is older than an event does not undo it', () => {
    const seen = view();
    const running = allocationOf({ id: 'a', job: JOB, created: NOW, index: 5 });
    seen.allocation(running);
    seen.allocation({ ...running, ClientStatus: 'failed', ModifyIndex: 9 });
    assert.deepEqual(seen.relist([listed(JOB)], [running], NOW - 1), []);
    assert.equal(seen.isLive('a'), false);
    assert.deepEqual(seen.launched(), []);
  });

  test('keeps nothing of what is gone', () => {
    const seen = view();
    for (let round = 0; round < 200; round++) {
      const job = `paddock-default/dispatch-${1_800_000_000 + round}-0000000a`;
      const id = `a${round}`;
      seen.allocation(allocationOf({ id, job, created: NOW + round * 1_000 }));
      seen.allocation(allocationOf({ id, job, status: 'complete', created: NOW + round * 1_000, index: 2 }));
      seen.relist([], [], NOW + round * 1_000 + 1_000);
      assert.equal(seen.isLive(id), undefined, `${id} is still known`);
    }
    assert.deepEqual(seen.launched(), []);
  });
});

/** What one allocation may go through on a real cluster. */
const lives: readonly (readonly [Allocation['ClientStatus'], Allocation['DesiredStatus']][])[] = [
  [
    ['pending', 'run'],
    ['running', 'run'],
    ['failed', 'run'],
  ],
  [
    ['pending', 'run'],
    ['running', 'run'],
    ['running', 'stop'],
    ['complete', 'stop'],
  ],
  [
    ['pending', 'run'],
    ['running', 'run'],
    ['unknown', 'run'],
    ['running', 'run'],
  ],
  [
    ['running', 'run'],
    ['unknown', 'run'],
    ['unknown', 'stop'],
  ],
  [
    ['running', 'run'],
    ['lost', 'stop'],
  ],
  [
    ['pending', 'run'],
    ['pending', 'stop'],
    ['complete', 'stop'],
  ],
];

/** One child's history: one allocation, or a second after the first was lost. */
const history = fc
  .record({ life: fc.constantFrom(...lives), upTo: fc.nat(4), next: fc.option(fc.constantFrom(...lives)) })
  .map(({ life, upTo, next }) => (job: string, at: number): Allocation[] => {
    let index = 10;
    const told = (id: string, states: typeof life, created: number) =>
      states.map(([status, desired]) =>
        allocationOf({ id: `${id} of ${job}`, job, status, desired, created, index: index++ }),
      );
    const first = told('first', life.slice(0, upTo + 1), at);
    const isLost = first.at(-1)?.ClientStatus === 'lost';
    return isLost && next ? [...first, ...told('second', next, at + 1_000)] : first;
  });

test('events in any order, twice or not at all end where a fresh listing begins', () => {
  fc.assert(
    fc.property(
      fc.array(history, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(1_000), { minLength: 40, maxLength: 40 }),
      fc.nat(40),
      (histories, order, listAfter) => {
        const jobs = histories.map((_, at) => `paddock-default/dispatch-1800000000-0000000${at}`);
        const told = histories.flatMap((made, at) => made(jobs[at] ?? '', NOW));
        const newest = [...new Map(told.map((one) => [one.ID, one])).values()];
        const list = jobs.map((id) => listed(id));
        const followed = view();
        // Some are picked twice and some never: those are lost events.
        const events = order.map((pick) => told[pick % told.length]).filter((one) => one !== undefined);
        const alive = new Set<string>();
        const follow = (change: Change | undefined): void => {
          if (change?.kind === 'running') {
            assert.ok(!alive.has(change.allocation.ID), 'told as running twice');
            alive.add(change.allocation.ID);
          } else if (change?.kind === 'ended') alive.delete(change.id);
        };
        for (const [at, event] of events.entries()) {
          follow(followed.allocation(event));
          if (at === listAfter)
            for (const one of followed.relist(list, told.slice(0, 3), NOW - 1)) follow(one);
        }
        for (const change of followed.relist(list, newest, NOW - 1)) follow(change);
        const fresh = view();
        fresh.relist(list, newest, NOW - 1);
        const sorted = (of: typeof fresh) => [...of.launched()].sort((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(sorted(followed), sorted(fresh));
        for (const { ID, ClientStatus, DesiredStatus } of newest) {
          assert.equal(followed.isLive(ID), fresh.isLive(ID));
          if (ClientStatus === 'running' && DesiredStatus === 'run') assert.ok(alive.has(ID), `${ID} runs`);
          else if (fresh.isLive(ID) === false || ClientStatus === 'unknown') assert.ok(!alive.has(ID));
        }
      },
    ),
    { numRuns: 500 },
  );
});
