import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { countedCgroups } from './fake-launcher.ts';
import { type ForkSetup, forkSetup, interpreter, plain, refuses, serves, unforked } from './fork-setup.ts';

const MINUTE = 60_000;
const RETRY_MS = 10_000;

const assertFreed = ({ slots, serverSlots, cgroups }: ForkSetup, servers: number): void => {
  assert.deepEqual([slots.taken, serverSlots.taken, cgroups.living], [0, servers, servers]);
};

describe('making sandboxes by forking', () => {
  test('is not for those that are not to be forked', async () => {
    const setup = forkSetup();
    await setup.fallsBack(unforked);
    assert.deepEqual(setup.launcher.starts, []);
    assert.deepEqual(setup.maker.counters(), { forked: 0, fallbacks: 0, servers: 0 });
  });

  test('is done the other way while no server comes up, which is tried again later', async () => {
    const setup = forkSetup({
      server: (launch) => {
        launch.say('no such module\n');
        launch.die();
      },
    });
    await setup.fallsBack();
    await setup.fallsBack();
    assert.deepEqual(setup.fallbacks, ['the fork server ended before it was ready: no such module']);
    assert.equal(setup.launcher.starts.length, 1, 'not again for each sandbox');
    assert.deepEqual(setup.maker.counters(), { forked: 0, fallbacks: 2, servers: 0 });
    setup.ms = RETRY_MS;
    await setup.fallsBack();
    assert.equal(setup.launcher.starts.length, 2);
    assertFreed(setup, 0);
  });

  test('gives up on a server that is not ready in time, and on one that cannot even be asked for', async () => {
    const silent = forkSetup({}, { startTimeoutMs: 20 });
    await silent.fallsBack();
    assert.match(silent.fallbacks[0] ?? '', /no fork server after 20 ms/);
    assert.equal(silent.launcher.starts[0]?.killed, true);
    assertFreed(silent, 0);
    const fault = new Error('no cgroup');
    const create = () => Promise.reject(fault);
    const without = forkSetup({}, { cgroups: { ...countedCgroups(), create } });
    await without.fallsBack();
    assert.deepEqual(without.fallbacks, ['no cgroup']);
    assert.equal(without.serverSlots.taken, 0);
  });

  test('waits for the one server that is being started, however many want it', async () => {
    const setup = forkSetup({ fork: refuses });
    const all = [setup.fallsBack(), setup.fallsBack(), setup.fallsBack()];
    await turn();
    assert.deepEqual([setup.launcher.starts.length, setup.launcher.forks.length], [1, 0]);
    setup.launcher.starts.forEach(serves);
    await Promise.all(all);
    assert.equal(setup.launcher.forks.length, 3);
  });

  test('has servers of its own for each kind', async () => {
    const setup = forkSetup({ server: serves, fork: refuses });
    const asked = await setup.askedServer(plain);
    assert.equal(await setup.askedServer(plain), asked);
    assert.notEqual(await setup.askedServer(interpreter), asked);
  });

  test('ends with its caller’s signal, also while a server is being started: nothing is made instead', async () => {
    const setup = forkSetup();
    const cancel = new AbortController();
    const made = setup.maker.create(plain, cancel.signal);
    await turn();
    cancel.abort();
    await assert.rejects(made, /cancelled/);
    setup.launcher.starts.forEach(serves);
    const forking = setup.maker.create(plain, cancel.signal);
    await assert.rejects(forking, /cancelled/);
    assert.deepEqual([setup.singles.length, setup.fallbacks.length], [0, 0]);
    await turn();
    assertFreed(setup, 1);
  });
});

describe('a fork that fails', () => {
  test('is made the other way: refused, out of time, or with a word from inside', async () => {
    const refused = forkSetup({ server: serves, fork: refuses });
    await refused.fallsBack();
    assert.match(refused.fallbacks[0] ?? '', /ended before it was ready: fork request: No such process/);
    const silent = forkSetup({ server: serves }, { forkTimeoutMs: 20 });
    await silent.fallsBack();
    assert.match(silent.fallbacks[0] ?? '', /not ready after 20 ms/);
    assert.equal(silent.launcher.forks[0]?.killed, true);
    const broken = forkSetup({
      server: serves,
      fork: (launch) => {
        launch.say('error tmpfs 12\n');
        launch.die();
      },
    });
    await broken.fallsBack();
    assert.match(broken.fallbacks[0] ?? '', /it failed at tmpfs \(errno 12\)/);
    for (const setup of [refused, silent, broken]) {
      assertFreed(setup, 1);
      assert.deepEqual(setup.maker.counters(), { forked: 0, fallbacks: 1, servers: 1 });
    }
  });

  test('leaves no slot and no cgroup where it could not even be asked for', async () => {
    const setup = forkSetup({ server: serves });
    setup.launcher.fork = () => {
      throw new Error('a launch request cannot hold a NUL');
    };
    await setup.fallsBack();
    assertFreed(setup, 1);
    const limit = () => {
      throw new Error('the kernel refuses this value');
    };
    const limitless = forkSetup({ server: serves }, { cgroups: countedCgroups({ limit }) });
    await limitless.fallsBack();
    assertFreed({ ...limitless, cgroups: countedCgroups() }, 0);
  });

  test('three times in a row ends its server, and another takes its place', async () => {
    const setup = forkSetup({ server: serves, fork: refuses });
    const first = await setup.askedServer(plain);
    await setup.fallsBack();
    assert.equal(setup.launcher.starts[0]?.killed, false);
    await setup.fallsBack();
    assert.equal(setup.launcher.starts[0]?.killed, true);
    await turn();
    assertFreed(setup, 0);
    assert.notEqual(await setup.askedServer(plain), first);
  });

  test('because it was not wanted any more says nothing about its server', async () => {
    const cancel: AbortController[] = [];
    const setup = forkSetup({ server: serves, fork: () => cancel.at(-1)?.abort() });
    for (let n = 0; n < 4; n++) {
      cancel.push(new AbortController());
      await assert.rejects(setup.maker.create(plain, cancel.at(-1)?.signal), /cancelled/);
    }
    assert.equal(setup.launcher.starts.length, 1);
    assert.equal(setup.launcher.starts[0]?.killed, false);
    assert.deepEqual(setup.maker.counters(), { forked: 0, fallbacks: 0, servers: 1 });
  });
});

describe('fork servers', () => {
  test('of an interpreter are three, started one after the other, and take turns by chance', async () => {
    const setup = forkSetup({ fork: refuses });
    const made = setup.fallsBack(interpreter);
    for (let n = 1; n <= 3; n++) {
      await turn();
      assert.equal(setup.launcher.starts.length, n);
      setup.launcher.starts.slice(-1).forEach(serves);
    }
    await made;
    await turn();
    assert.equal(setup.launcher.starts.length, 3, 'and no more');
    const asked = new Set<number | undefined>();
    for (const chance of [0, 0.34, 0.67]) {
      setup.chance = chance;
      asked.add(await setup.askedServer(interpreter));
    }
    assert.deepEqual(asked, new Set<number | undefined>(setup.launcher.starts.map(({ number }) => number)));
    setup.chance = 0.999;
    assert.ok(asked.has(await setup.askedServer(interpreter)));
  });

  test('are replaced after half an hour: the old one ends when there is another', async () => {
    const setup = forkSetup({ server: (launch) => launch.number === 1 && serves(launch), fork: refuses });
    const old = await setup.askedServer(plain);
    setup.ms = 30 * MINUTE + 1;
    assert.equal(await setup.askedServer(plain), old, 'its successor is not there yet');
    const [before, after] = setup.launcher.starts;
    assert.equal(before?.killed, false);
    after?.say('serving\n');
    await turn();
    assert.equal(before?.killed, true);
    assert.equal(await setup.askedServer(plain), after?.number);
    assertFreed(setup, 1);
    const young = forkSetup({ server: serves, fork: refuses });
    await young.fallsBack();
    young.ms = 30 * MINUTE;
    await young.fallsBack();
    assert.equal(young.launcher.starts.length, 1);
  });

  test('that die are replaced, at once only after a life of some length', async () => {
    const setup = forkSetup({ server: serves, fork: refuses });
    await setup.fallsBack();
    setup.launcher.starts[0]?.die();
    await turn();
    assert.equal(setup.maker.counters().servers, 0);
    await setup.fallsBack();
    assert.equal(setup.launcher.starts.length, 1, 'it died young');
    setup.ms = RETRY_MS;
    await setup.fallsBack();
    assert.equal(setup.launcher.starts.length, 2);
    setup.ms += RETRY_MS;
    setup.launcher.starts[1]?.die();
    await turn();
    await setup.fallsBack();
    assert.equal(setup.launcher.starts.length, 3);
    assertFreed(setup, 1);
  });

  test('that leave a cgroup behind are told of and forgotten all the same', async () => {
    const remove = () => Promise.reject(new Error('EBUSY'));
    const setup = forkSetup({ server: serves, fork: refuses }, { cgroups: countedCgroups({ remove }) });
    await setup.maker.create(plain).catch(() => {});
    setup.fallbacks.splice(0);
    setup.launcher.starts[0]?.die();
    await turn();
    assert.deepEqual(setup.fallbacks, ['EBUSY']);
    assert.deepEqual([setup.maker.counters().servers, setup.serverSlots.taken], [0, 0]);
  });
});

describe('closing the maker', () => {
  test('ends every server and the other way’s sandboxes, and nothing is made after that', async () => {
    const setup = forkSetup({ server: serves, fork: refuses });
    await setup.fallsBack(plain);
    await setup.fallsBack(interpreter);
    await turn();
    await setup.maker.close();
    assert.ok(setup.launcher.starts.every(({ killed }) => killed));
    assert.ok(setup.singles.every(({ destroyed }) => destroyed === 1));
    assertFreed(setup, 0);
    for (const spec of [plain, unforked]) await assert.rejects(setup.maker.create(spec), /no more sandboxes/);
  });

  test('waits for a server on its way and ends it', async () => {
    const setup = forkSetup();
    const made = assert.rejects(setup.maker.create(interpreter), /no more sandboxes/);
    await turn();
    const closed = setup.maker.close();
    setup.launcher.starts.forEach(serves);
    await closed;
    await made;
    assert.equal(setup.launcher.starts.length, 1, 'no other is started');
    assert.equal(setup.launcher.starts[0]?.killed, true);
    assertFreed(setup, 0);
  });
});
