import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allocation, child, executorId, fakeNomad, jobOf, node, otherId } from './fake-nomad.ts';
import { paddock } from './fake-service.ts';

const url = 'http://127.0.0.1:1';
const trimmed = (calls: readonly string[]) =>
  calls.filter((call) => call !== 'close').map((call) => call.trim());

describe('paddock nomad drain', () => {
  test('a node: drains it in Nomad, then ends its executors at once', async () => {
    const elsewhere = allocation({ ID: otherId, JobID: jobOf('default', '00000002'), NodeID: 'other' });
    const { port, calls } = fakeNomad({
      children: [child('default'), child('default', { ID: jobOf('default', '00000002') })],
      allocations: [allocation(), elsewhere],
    });
    const ran = await paddock(['nomad', 'drain', 'alpha', '--deadline', '1h'], { nomad: port, url });
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(trimmed(calls), [`drain ${node().ID} 3600000`, `deregister ${jobOf('default')}`]);
    assert.match(ran.stdout, /466f1652 +default +running +unknown/);
    assert.match(ran.stdout, /paddock nomad drain alpha --off/);
  });

  test('--wait follows until the executors have ended and Nomad is done with the node', async () => {
    const fake = fakeNomad({ nodes: [node({ Drain: true })] });
    let listings = 0;
    fake.world.listed = () => {
      listings++;
      // The first listing finds what to drain, the second what still runs.
      if (listings === 2) fake.world.allocations = [allocation({ ClientStatus: 'complete' })];
      if (listings === 3) fake.world.nodes = [node()];
    };
    const ran = await paddock(['nomad', 'drain', 'b1446b', '--wait'], { nomad: fake.port, url });
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(listings, 3);
    assert.match(ran.stdout, /466f1652 has ended after .*: allocation complete/);
    assert.match(ran.stdout, /Node alpha \(b1446b6c\) is empty/);
  });

  test('whoever interrupts the following is told that the drain goes on', async () => {
    const interruption = new AbortController();
    const fake = fakeNomad();
    let listings = 0;
    fake.world.listed = () => {
      if (++listings === 2) interruption.abort();
    };
    const ran = await paddock(['nomad', 'drain', 'alpha'], {
      ...{ nomad: fake.port, url, terminal: true, signal: interruption.signal },
    });
    assert.equal(ran.code, 130);
    assert.match(ran.stderr, /No longer followed; the drain goes on/);
  });

  test('an executor: ends its dispatched job', async () => {
    const { port, calls } = fakeNomad();
    const ran = await paddock(['nomad', 'drain', executorId.slice(0, 8)], { nomad: port, url });
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(trimmed(calls), [`deregister ${jobOf('default')}`]);
  });

  test('--off ends the drain of a node', async () => {
    const { port, calls } = fakeNomad();
    const ran = await paddock(['nomad', 'drain', 'alpha', '--off'], { nomad: port, url });
    assert.deepEqual(trimmed(calls), [`drain ${node().ID}`]);
    assert.match(ran.stdout, /takes executors again/);
  });

  test('changes nothing where it is not clear what is meant', async () => {
    const two = fakeNomad({
      children: [child('default'), child('default', { ID: jobOf('default', '00000002') })],
      allocations: [allocation(), allocation({ ID: otherId, JobID: jobOf('default', '00000002') })],
    });
    const same = fakeNomad({ nodes: [node({ ID: executorId })] });
    const ended = fakeNomad({ allocations: [allocation({ ClientStatus: 'complete' })] });
    const viewer = fakeNomad({ refused: { nodes: 403 } });
    const operator = fakeNomad({ refused: { drain: 403 } });
    for (const [fake, args, code, words] of [
      [two, ['466f'], 1, /several executors begin with 466f/],
      [two, ['46'], 1, /no node and no executor 46/],
      [same, ['466f1652'], 1, /of a node .* and of an executor/],
      [ended, ['466f1652'], 1, /has ended already/],
      [two, [executorId, '--off'], 2, /is an executor; --off is for nodes/],
      [two, [executorId, '--deadline', '5m'], 2, /--deadline is for nodes/],
      [two, ['alpha', '--deadline', 'soon'], 2, /is not a time/],
      [two, ['alpha', '--off', '--deadline', '5m'], 2, /--off takes no --deadline/],
      [viewer, ['alpha'], 1, /may not see nodes .*operator\.policy\.hcl/],
      [operator, ['alpha'], 1, /operator\.policy\.hcl/],
    ] as const) {
      const ran = await paddock(['nomad', 'drain', ...args], { nomad: fake.port, url });
      assert.equal(ran.code, code, args.join(' '));
      assert.match(ran.stderr, words);
      assert.deepEqual(trimmed(fake.calls), []);
    }
  });
});
