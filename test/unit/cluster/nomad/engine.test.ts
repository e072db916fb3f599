import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine } from '../../../../service/cluster/nomad/engine.ts';
import { createView } from '../../../../service/cluster/nomad/view.ts';
import { launchOrderSchema } from '../../../../service/contracts/cluster-api.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';
import { createHandClock } from '../../hand-clock.ts';
import { createFakeNomad, pass, settle } from './fake-nomad.ts';

const MINUTE = 60_000;
const keys = [{ kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k' } as const];

const prepared = async () => {
  const clock = createHandClock();
  clock.advance(1_000_000_000);
  const nomad = createFakeNomad(clock);
  const specs = ['default', 'gpu'].map((name) => poolSpecSchema.parse({ name }));
  const view = createView('paddock', specs);
  for (const ID of ['paddock-default', 'paddock-gpu', 'paddock-x-default'])
    await nomad.api.jobs.register({ ID });
  const warned: string[] = [];
  const state = { leads: true, refusals: 0 };
  let ids = 0;
  const engine = createEngine({
    ...{ jobs: nomad.api.jobs, prefix: 'paddock', specs, view, clock },
    leads: () => state.leads,
    order: (pool) => ({ pool, dispatchers: ['http://10.0.0.1:7070'], keys }),
    newId: () => `token-${++ids}`,
    refused: () => state.refusals++,
    log: { warn: (_fields, message) => warned.push(message) },
  });
  const relist = async () => {
    const [{ jobs }, { allocations }] = await Promise.all([
      nomad.api.jobs.list('paddock-'),
      nomad.api.allocations.list('paddock-'),
    ]);
    view.relist(jobs, allocations, clock.epoch());
  };
  const asked = (what: string) => nomad.asked.filter((name) => name.startsWith(what));
  return { clock, nomad, view, engine, warned, state, relist, asked };
};

describe('launching', () => {
  test('dispatches the order as payload, each with a token of its own, and is known at once', async () => {
    const { nomad, engine } = await prepared();
    await engine.launch('gpu', 3);
    const children = nomad.children();
    assert.equal(children.length, 3);
    assert.equal(new Set(children.map(({ order }) => order?.idempotencyToken)).size, 3);
    for (const { id, order } of children) {
      assert.match(id, /^paddock-gpu\/dispatch-/);
      assert.equal(launchOrderSchema.parse(JSON.parse(order?.payload ?? '')).pool, 'gpu');
    }
    assert.deepEqual(
      engine.launched().map(({ id, state }) => [id, state]),
      children.map(({ id }) => [id, 'pending']),
    );
    engine.close();
  });

  test('is paced: four requests at a time', async () => {
    const { nomad, engine, asked } = await prepared();
    const go = nomad.hold('dispatch');
    const launched = engine.launch('default', 10);
    await settle();
    assert.equal(asked('dispatch').length, 4);
    go();
    await launched;
    assert.equal(nomad.children().length, 10);
    engine.close();
  });

  test('stops in the middle where it leads no more', async () => {
    const { nomad, engine, state } = await prepared();
    const go = nomad.hold('dispatch');
    const launched = engine.launch('default', 10);
    await settle();
    state.leads = false;
    go();
    await launched;
    assert.equal(nomad.children().length, 4);
    engine.close();
  });

  test('tells the first failure and does not go on where all fail', async () => {
    const { nomad, engine, asked } = await prepared();
    nomad.fail('dispatch', 500);
    await assert.rejects(engine.launch('default', 100), { name: 'NomadError', status: 500 });
    assert.ok(asked('dispatch').length <= 8, `${asked('dispatch').length} were asked for`);
    engine.close();
  });
});

describe('retiring', () => {
  test('stops the dispatched jobs, and they count as retiring before Nomad says so', async () => {
    const { nomad, engine, view, relist } = await prepared();
    await engine.launch('default', 2);
    const [one, two] = nomad.children().map(({ id }) => id);
    assert.ok(one && two);
    view.allocation(nomad.place(one));
    const go = nomad.hold('stop');
    const retired = engine.retire([one]);
    const states = () => engine.launched().map(({ id, state }) => [id, state]);
    assert.deepEqual(states(), [
      [one, 'retiring'],
      [two, 'pending'],
    ]);
    go();
    await retired;
    await relist();
    assert.deepEqual(
      nomad.children().map(({ stop }) => stop),
      [true, false],
    );
    assert.deepEqual(states(), [
      [one, 'retiring'],
      [two, 'pending'],
    ]);
    engine.close();
  });

  test('one that cannot be stopped holds no other up, and the failure is told', async () => {
    const { nomad, engine } = await prepared();
    await engine.launch('default', 6);
    const ids = nomad.children().map(({ id }) => id);
    nomad.fail(`stop ${ids[0]}`, 500);
    await assert.rejects(engine.retire(ids), { status: 500 });
    assert.deepEqual(
      nomad.children().map(({ stop }) => stop),
      [false, true, true, true, true, true],
    );
    engine.close();
  });

  test('nothing is stopped by one that does not lead', async () => {
    const { nomad, engine, state } = await prepared();
    await engine.launch('default', 1);
    state.leads = false;
    await engine.retire(nomad.children().map(({ id }) => id));
    assert.equal(nomad.children()[0]?.stop, false);
    engine.close();
  });
});

describe('tidying', () => {
  test('purges what ended ten minutes ago, of our pools alone, and never what others are dispatched from', async () => {
    const { clock, nomad, engine, view, relist, asked } = await prepared();
    await engine.launch('default', 2);
    await nomad.api.jobs.dispatch('paddock-x-default', { payload: '' });
    const [dead, alive, foreign] = nomad.children().map(({ id }) => id);
    assert.ok(dead && alive && foreign);
    for (const id of [dead, alive, foreign]) view.allocation(nomad.place(id, { id: `of ${id}` }));
    await pass(clock, 30 * MINUTE, MINUTE);
    for (const id of [dead, foreign]) nomad.change(`of ${id}`, { ClientStatus: 'complete' });
    await nomad.api.jobs.deregister('paddock-gpu');
    await relist();
    await pass(clock, 9 * MINUTE, MINUTE);
    assert.deepEqual(asked('purge'), [], 'people look at what has ended');
    await pass(clock, 4 * MINUTE, MINUTE);
    assert.deepEqual(asked('purge'), [`purge ${dead}`]);
    assert.deepEqual(
      nomad.children().map(({ id }) => id),
      [alive, foreign],
    );
    engine.close();
  });

  test('leaves one that still finishes what runs, though Nomad calls its job dead', async () => {
    const { clock, nomad, engine, view, relist, asked } = await prepared();
    await engine.launch('default', 1);
    const [{ id } = { id: '' }] = nomad.children();
    const { ID } = nomad.place(id);
    await relist();
    await engine.retire([id]);
    await relist();
    assert.equal((await nomad.api.jobs.list(id)).jobs[0]?.Status, 'dead');
    await pass(clock, 50 * MINUTE, MINUTE);
    assert.deepEqual(asked('purge'), []);
    view.allocation(nomad.change(ID, { ClientStatus: 'complete' }));
    await pass(clock, 2 * MINUTE, MINUTE);
    assert.deepEqual(asked('purge'), [], 'just ended');
    await pass(clock, 11 * MINUTE, MINUTE);
    assert.deepEqual(asked('purge'), [`purge ${id}`]);
    engine.close();
  });

  test('gives up those whose node is silent for two minutes', async () => {
    const { clock, nomad, engine, view, asked } = await prepared();
    await engine.launch('default', 1);
    const [{ id } = { id: '' }] = nomad.children();
    const { ID } = nomad.place(id);
    view.allocation(nomad.change(ID, { ClientStatus: 'unknown' }));
    await pass(clock, MINUTE, MINUTE);
    assert.deepEqual(asked('stop'), []);
    await pass(clock, 3 * MINUTE, MINUTE);
    assert.ok(asked('stop').includes(`stop ${id}`));
    engine.close();
  });

  test('is the leader’s, is told where it fails, and ends', async () => {
    const { clock, nomad, engine, state, warned, asked } = await prepared();
    state.leads = false;
    await pass(clock, 5 * MINUTE, MINUTE);
    const before = asked('list').length;
    state.leads = true;
    nomad.fail('list', 500);
    await pass(clock, MINUTE, MINUTE);
    assert.equal(asked('list').length, before + 1);
    assert.deepEqual(warned, ['executors that have ended could not be purged from Nomad']);
    engine.close();
    assert.deepEqual(clock.pending(), []);
  });
});

test('what Nomad refuses to dispatch is told, so that the job can be put back', async () => {
  const { engine, state } = await prepared();
  await assert.rejects(engine.launch('gone', 1));
  assert.equal(state.refusals, 1);
});
