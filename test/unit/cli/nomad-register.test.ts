import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { child, fakeNomad, planOfNew } from './fake-nomad.ts';
import { paddock } from './fake-service.ts';

const isNew = { ...planOfNew(), Diff: { Type: 'Added', ID: 'paddock-gpu' } };
const registers = (calls: readonly string[]) => calls.filter((call) => call !== 'close');

describe('paddock nomad register', () => {
  test('is a dry run unless told otherwise: 1 where something would change', async () => {
    const { port, calls } = fakeNomad({ plans: { 'paddock-gpu': isNew } });
    const ran = await paddock(['nomad', 'register', '--pools', 'two.yaml'], { nomad: port });
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stdout, /Pool default is unchanged \(job paddock-default\)\nPool gpu is new/);
    assert.match(ran.stdout, /\+ Job: "paddock-gpu"/);
    assert.match(ran.stdout, /No executor can be placed now: no node has meta\.gpu/);
    assert.match(ran.stdout, /To make it so: paddock nomad register --apply --pools two\.yaml\n$/);
    assert.deepEqual(registers(calls), []);
    const same = await paddock(['nomad', 'register', '--dry-run'], { nomad: port });
    assert.equal(same.code, 0);
    assert.match(same.stdout, /Nothing to change/);
  });

  test('registers what differs, and answers JSON', async () => {
    const { port, calls } = fakeNomad({ plans: { 'paddock-gpu': isNew } });
    const ran = await paddock(['nomad', 'register', '--pools', 'two.yaml', '--apply', '--json'], {
      nomad: port,
    });
    assert.equal(ran.code, 0, ran.stderr);
    const answer = JSON.parse(ran.stdout);
    assert.equal(answer.applied, true);
    assert.deepEqual(answer.pools[1], {
      ...{ pool: 'gpu', job: 'paddock-gpu', outcome: 'created', warnings: '' },
    });
    assert.ok(registers(calls).includes('register paddock-gpu'));
  });

  test('removes stale pools only where told to, and never for want of a file', async () => {
    const world = { pools: ['default', 'old'], children: [child('old')] };
    const { port, calls } = fakeNomad(world);
    const shown = await paddock(['nomad', 'register'], { nomad: port });
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /Pool old is not configured any more \(job paddock-old, 1 executor\)/);
    const careless = await paddock(['nomad', 'register', '--apply', '--remove-stale'], { nomad: port });
    assert.equal(careless.code, 2);
    assert.match(careless.stderr, /--remove-stale needs --pools/);
    const args = ['nomad', 'register', '--pools', 'one.yaml', '--remove-stale'];
    assert.equal((await paddock(args, { nomad: port })).code, 1);
    assert.equal(calls.filter((call) => call.startsWith('deregister')).length, 0);
    const removed = await paddock([...args, '--apply'], { nomad: port });
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /removed paddock-old; 1 executor/);
    assert.deepEqual(
      calls.filter((call) => call.startsWith('deregister')).map((call) => call.trim()),
      ['deregister paddock-old purge', `deregister ${child('old').ID}`],
    );
  });

  test('2 where it fails: a refusal, a file with faults, two flags that exclude each other', async () => {
    const refused = fakeNomad({ refused: { plan: 403 } });
    const ran = await paddock(['nomad', 'register'], { nomad: refused.port });
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /nomad\/acl\/operator\.policy\.hcl, and register-job/);
    const partly = fakeNomad({
      ...{ pools: [], children: [], refused: { register: 403 } },
      plans: { 'paddock-default': { ...isNew, Diff: { Type: 'Added', ID: 'paddock-default' } } },
    });
    const failed = await paddock(['nomad', 'register', '--apply'], { nomad: partly.port });
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /the job paddock-default was not registered: .*Permission denied/);
    const both = await paddock(['nomad', 'register', '--apply', '--dry-run'], { nomad: refused.port });
    assert.equal(both.code, 2);
  });
});
