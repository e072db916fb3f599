import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorded, startFakeNomad, text } from './fake-nomad.ts';

const node = (ID: string, Name: string) => ({
  ID,
  Name,
  Datacenter: 'dc1',
  Status: 'ready',
  SchedulingEligibility: 'eligible',
});
const several = text(200, JSON.stringify([node('aab1', 'one'), node('aab2', 'two'), node('bbb3', 'two')]));

test('lists nodes and node pools', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('nodes', 'node-pools');
  const [first] = await nomad.api.nodes.list();
  assert.equal(first?.Name, 'recorder');
  assert.equal(first?.NodePool, 'default');
  assert.equal(first?.Drain, false);
  const pools = await nomad.api.nodes.pools();
  assert.deepEqual(
    pools.map(({ Name }) => Name),
    ['all', 'default'],
  );
  assert.deepEqual(
    nomad.received.map(({ path }) => path),
    ['/v1/nodes', '/v1/node/pools'],
  );
});

for (const [asked, found] of [
  ['aab1', 'aab1'],
  ['one', 'aab1'],
  ['aab2', 'aab2'],
  ['bb', 'bbb3'],
  ['c', undefined],
  ['', undefined],
] as const) {
  test(`finds the node ${asked || '(empty)'}: ${found ?? 'none'}`, async () => {
    await using nomad = await startFakeNomad();
    nomad.reply(several);
    assert.equal((await nomad.api.nodes.find(asked))?.ID, found);
  });
}

for (const asked of ['aa', 'two']) {
  test(`refuses to choose between nodes that ${asked} fits`, async () => {
    await using nomad = await startFakeNomad();
    nomad.reply(several);
    await assert.rejects(nomad.api.nodes.find(asked), /Several nodes are called/);
  });
}

for (const [ms, body] of [
  [5_000, { DrainSpec: { Deadline: 5_000_000_000 }, MarkEligible: false }],
  // No deadline at all is what 0 would be to Nomad.
  [0, { DrainSpec: { Deadline: -1 }, MarkEligible: false }],
  [undefined, { DrainSpec: null, MarkEligible: true }],
] as const) {
  test(`drains a node with the deadline ${ms ?? 'none: ends the drain'}`, async () => {
    await using nomad = await startFakeNomad();
    nomad.reply('drain');
    await nomad.api.nodes.drain('aab1', ms);
    const [request] = nomad.received;
    assert.equal(`${request?.method} ${request?.path}`, 'POST /v1/node/aab1/drain');
    assert.deepEqual(request?.body, { NodeID: 'aab1', ...body });
  });
}

test('the recorded nodes hold nothing of the machine that recorded them', () => {
  assert.doesNotMatch(recorded('nodes').text, /"Address"|"HTTPAddr"/);
});
