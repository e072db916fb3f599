import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createNomadCluster } from '../../../../service/cluster/nomad/cluster.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';
import { createHandClock, type HandClock } from '../../hand-clock.ts';
import { createFakeNomad, type FakeNomad, pass } from './fake-nomad.ts';

const pools = [poolSpecSchema.parse({ name: 'default' })];
const started = async () => {
  const clock = createHandClock();
  clock.advance(1_000_000_000);
  return { clock, nomad: createFakeNomad(clock) };
};

/** A dispatcher of this Nomad, in the time of this clock. */
const dispatcher = (clock: HandClock, nomad: FakeNomad, name = 'a') => {
  const told: string[] = [];
  const warned: string[] = [];
  let registered = 0;
  let refusal: Error | undefined;
  let ids = 0;
  const cluster = createNomadCluster({
    // Each has its own connections.
    api: { ...nomad.api, close: async () => {} },
    ...{ prefix: 'paddock', namespace: 'default', pools, tls: undefined, clock },
    self: { dispatcher: name, url: `http://${name}:7070` },
    register: async () => {
      registered++;
      if (refusal) throw refusal;
      if (!(await nomad.api.jobs.get('paddock-default')))
        await nomad.api.jobs.register({ ID: 'paddock-default' });
    },
    newId: () => `${name}-${++ids}`,
    log: { info: () => {}, warn: (_fields, message) => warned.push(message) },
  });
  const { elastic } = cluster;
  assert.ok(elastic);
  return {
    ...{ cluster, told, warned, elastic, registered: () => registered },
    refuse: (error: Error | undefined) => {
      refusal = error;
    },
    start: () =>
      cluster.start({
        joined: ({ id, url }) => told.push(`joined ${id} ${url}`),
        draining: (id) => told.push(`draining ${id}`),
        left: (id) => told.push(`left ${id}`),
      }),
    /** With the time that it takes. */
    async close() {
      const closed = cluster.close();
      await pass(clock, 2_000);
      await closed;
    },
  };
};

/** Until it is so, for things that real cryptography takes part in. */
const eventually = async (clock: HandClock, isSo: () => boolean): Promise<void> => {
  for (let left = 2_000; !isSo(); left--) {
    assert.ok(left > 0, 'it did not come to be so');
    await pass(clock, 50, 50);
  }
};

describe('a dispatcher on Nomad', () => {
  test('leads, registers the pools, launches, and tells who is there', async () => {
    const { clock, nomad } = await started();
    const a = dispatcher(clock, nomad);
    await a.start();
    await eventually(clock, a.elastic.engine.leads);
    assert.equal(a.registered(), 1);
    await a.elastic.engine.launch('default', 1);
    const [child] = nomad.children();
    assert.ok(child);
    const order = JSON.parse(child.order?.payload ?? '');
    assert.deepEqual(
      [order.pool, order.dispatchers, Object.keys(order.keys[0]).sort()],
      ['default', ['http://a:7070'], ['crv', 'kid', 'kty', 'x']],
    );
    nomad.place(child.id, { id: 'one' });
    await eventually(clock, () => a.told.length > 0);
    assert.deepEqual(a.told, ['joined one http://10.0.0.1:20000']);
    await a.close();
    assert.deepEqual(
      nomad.children().map(({ stop }) => stop),
      [false],
      'executors outlive it',
    );
    assert.deepEqual(clock.pending().length, 0, 'no timer is left');
    assert.equal(nomad.streams(), 0);
  });

  test('that is started anew knows the executors before it is ready, and launches none on top', async () => {
    const { clock, nomad } = await started();
    const a = dispatcher(clock, nomad);
    await a.start();
    await eventually(clock, a.elastic.engine.leads);
    await a.elastic.engine.launch('default', 2);
    for (const { id } of nomad.children()) nomad.place(id);
    await pass(clock, 10_000);
    await a.close();
    const again = dispatcher(clock, nomad, 'again');
    await again.start();
    assert.equal(again.elastic.engine.launched().length, 2);
    await eventually(clock, () => again.told.length === 2);
    await again.close();
  });

  test('of two, one leads; the other takes over when that one closes, and has listed everything then', async () => {
    const { clock, nomad } = await started();
    const [a, b] = [dispatcher(clock, nomad, 'a'), dispatcher(clock, nomad, 'b')];
    await a.start();
    await eventually(clock, a.elastic.engine.leads);
    await b.start();
    await pass(clock, 5_000);
    assert.equal(b.elastic.engine.leads(), false);
    // Told to nobody: no event, no listing of b yet.
    nomad.breakStreams();
    await a.elastic.engine.launch('default', 3);
    await a.close();
    await eventually(clock, b.elastic.engine.leads);
    assert.equal(b.elastic.engine.launched().length, 3);
    await b.close();
  });

  test('does not lead before the pools are registered and listed, and tries that again', async () => {
    const { clock, nomad } = await started();
    const a = dispatcher(clock, nomad);
    a.refuse(new Error('no such node pool'));
    await a.start();
    await pass(clock, 12_000);
    assert.equal(a.elastic.engine.leads(), false);
    assert.ok(a.registered() >= 3, `${a.registered()} tries`);
    assert.ok(a.warned.includes('the pools could not be registered with Nomad; trying again'));
    a.refuse(undefined);
    await pass(clock, 5_500);
    assert.equal(a.elastic.engine.leads(), true);
    await a.close();
  });
});

describe('a start', () => {
  test('waits a minute for Nomad, in the time of the clock', async () => {
    const { clock, nomad } = await started();
    nomad.fail('');
    const a = dispatcher(clock, nomad);
    const start = a.start();
    await pass(clock, 30_000, 500);
    assert.deepEqual(a.warned, ['Nomad does not answer; trying again for a minute']);
    nomad.fail(undefined);
    await pass(clock, 1_000, 500);
    await start;
    await a.close();
    nomad.fail('');
    const b = dispatcher(clock, nomad, 'b');
    const failed = assert.rejects(b.start(), { name: 'NomadError' });
    await pass(clock, 61_000, 500);
    await failed;
    await b.close();
  });

  test('tells at once what Nomad refuses', async () => {
    const { clock, nomad } = await started();
    nomad.fail('variable', 403);
    const a = dispatcher(clock, nomad);
    await assert.rejects(a.start(), { name: 'NomadError', status: 403 });
    await a.close();
  });

  test('that is closed meanwhile ends, and never leads', async () => {
    const { clock, nomad } = await started();
    nomad.fail('');
    const a = dispatcher(clock, nomad);
    const ended = assert.rejects(a.start(), { name: 'NomadError' });
    await pass(clock, 1_000, 500);
    await a.close();
    await ended;
    nomad.fail(undefined);
    await pass(clock, 30_000, 500);
    assert.equal(nomad.variable('paddock/leader'), undefined);
    assert.deepEqual(clock.pending(), []);
  });

  test('answers nobody at its door before', async () => {
    const { clock, nomad } = await started();
    const a = dispatcher(clock, nomad);
    await assert.rejects(
      async () => a.elastic.door.demand(undefined, { dispatcher: 'b', url: 'http://b:7070', pools: [] }),
      { code: 'no-executor' },
    );
    await a.start();
    await assert.rejects(
      async () => a.elastic.door.demand(undefined, { dispatcher: 'b', url: 'http://b:7070', pools: [] }),
      { code: 'unauthorized' },
    );
    await a.close();
  });
});
