import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createView } from '../../../../service/cluster/nomad/view.ts';
import { watchNomad } from '../../../../service/cluster/nomad/watch.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';
import { createHandClock } from '../../hand-clock.ts';
import { createFakeNomad, pass, settle } from './fake-nomad.ts';

const POOL = 'paddock-default';

const prepared = async () => {
  const clock = createHandClock();
  clock.advance(1_000_000_000);
  const nomad = createFakeNomad(clock);
  await nomad.api.jobs.register({ ID: POOL });
  const view = createView('paddock', [poolSpecSchema.parse({ name: 'default' })]);
  const told: string[] = [];
  const warned: string[] = [];
  let listed = 0;
  const watch = watchNomad({
    ...{ api: nomad.api, prefix: 'paddock', view, clock },
    log: { warn: (_fields, message) => warned.push(message) },
    changed: (changes) => {
      for (const change of changes)
        told.push(`${change.kind} ${change.kind === 'running' ? change.allocation.ID : change.id}`);
    },
    listed: () => listed++,
  });
  const dispatch = async () => (await nomad.api.jobs.dispatch(POOL, { payload: '' })).jobId;
  return { clock, nomad, view, told, warned, watch, dispatch, listed: () => listed };
};

describe('what happens on Nomad', () => {
  test('is listed first and followed from there', async () => {
    const { nomad, told, watch, dispatch } = await prepared();
    nomad.place(await dispatch(), { id: 'a' });
    await watch.refresh();
    assert.deepEqual(told, ['running a']);
    watch.follow();
    await settle();
    nomad.place(await dispatch(), { id: 'b' });
    await settle();
    nomad.change('a', { ClientStatus: 'failed' });
    await settle();
    assert.deepEqual(told, ['running a', 'running b', 'ended a']);
    watch.close();
    await settle();
    assert.equal(nomad.streams(), 0);
  });

  test('is listed now and then, because events are lost without a word', async () => {
    const { clock, nomad, told, watch, dispatch, listed } = await prepared();
    await watch.refresh();
    const id = await dispatch();
    nomad.place(id, { id: 'a' });
    watch.follow();
    await settle();
    assert.deepEqual(told, ['running a'], 'the first listing after');
    nomad.forget(id);
    await pass(clock, 60_000, 1_000);
    assert.deepEqual(told, ['running a', 'ended a']);
    assert.ok(listed() >= 5, `${listed()} listings`);
    watch.close();
  });

  test('is listed at once when the stream breaks, and followed again; that is told once', async () => {
    const { clock, nomad, told, warned, watch, dispatch } = await prepared();
    await watch.refresh();
    watch.follow();
    await settle();
    const id = await dispatch();
    nomad.fail('events', 500);
    nomad.breakStreams();
    nomad.place(id, { id: 'a' });
    await settle();
    assert.deepEqual(told, ['running a']);
    await pass(clock, 20_000, 1_000);
    assert.deepEqual(warned, ["Nomad's event stream broke"]);
    nomad.fail(undefined);
    await pass(clock, 6_000, 1_000);
    assert.equal(nomad.streams(), 1);
    nomad.change('a', { ClientStatus: 'complete' });
    await settle();
    assert.deepEqual(told, ['running a', 'ended a']);
    watch.close();
  });

  test('is asked for again where a listing fails; that is told once', async () => {
    const { clock, nomad, told, warned, watch, dispatch } = await prepared();
    nomad.fail('list', 500);
    await assert.rejects(watch.refresh(), { status: 500 });
    watch.follow();
    await pass(clock, 5_000, 500);
    assert.deepEqual(warned, ['Nomad cannot be asked for executors']);
    nomad.fail('events', 500);
    nomad.breakStreams();
    nomad.place(await dispatch(), { id: 'a' });
    await pass(clock, 1_500, 500);
    assert.deepEqual(told, ['running a']);
    watch.close();
  });

  test('while a listing is under way is not undone by it', async () => {
    const { nomad, view, told, watch, dispatch } = await prepared();
    const old = await dispatch();
    nomad.place(old, { id: 'a' });
    await watch.refresh();
    watch.follow();
    await settle();
    // Its jobs are listed before, its allocations after, what happens here.
    const go = nomad.hold('allocations');
    const refreshed = watch.refresh();
    await settle();
    const young = await dispatch();
    nomad.place(young, { id: 'b' });
    nomad.change('a', { ClientStatus: 'failed' });
    await settle();
    go();
    await refreshed;
    assert.deepEqual(told, ['running a', 'running b', 'ended a']);
    assert.deepEqual(
      view.launched().map(({ id }) => id),
      [young],
    );
    watch.close();
  });

  test('before somebody asks for a listing is in the one that he gets', async () => {
    const { nomad, view, watch, dispatch } = await prepared();
    const go = nomad.hold('allocations');
    const first = watch.refresh();
    await settle();
    await dispatch();
    const second = watch.refresh();
    const third = watch.refresh();
    go();
    await first;
    assert.equal(view.launched().length, 0, 'the first began before');
    await Promise.all([second, third]);
    assert.equal(view.launched().length, 1);
    assert.equal(nomad.asked.filter((name) => name.startsWith('list')).length, 2, 'one for both');
  });
});

test('why an executor waits is asked for where it was not told, and nothing waits for that', async () => {
  const { nomad, view, watch, dispatch } = await prepared();
  const id = await dispatch();
  nomad.block(id, { NodesEvaluated: 1, ConstraintFiltered: { '${meta.gpu} is_set ': 1 } });
  const go = nomad.hold('evaluations');
  await watch.refresh();
  assert.deepEqual(view.launched()[0]?.reasons, []);
  go();
  await settle();
  assert.deepEqual(view.launched()[0]?.reasons, ['no node has meta.gpu']);
  await watch.refresh();
  await settle();
  assert.equal(nomad.asked.filter((name) => name.startsWith('evaluations')).length, 1);
  nomad.fail('evaluations', 500);
  await dispatch();
  await watch.refresh();
});

test('after the end nothing is told', async () => {
  const { clock, nomad, told, warned, watch, dispatch } = await prepared();
  watch.follow();
  await settle();
  const id = await dispatch();
  const go = nomad.hold('allocations');
  const refreshed = watch.refresh();
  await settle();
  watch.close();
  nomad.place(id, { id: 'a' });
  go();
  await refreshed;
  await pass(clock, 60_000, 5_000);
  assert.deepEqual([...told, ...warned], []);
  assert.deepEqual(clock.pending(), []);
});
