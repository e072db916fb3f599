import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type Executed, execute, executorsOf, run } from '../harness/client.ts';
import { type Installation, leads } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello, sleeper } from './programs.ts';

const nomad = useNomad();
const SIZE = 3;
const AT_EACH = 50;
/** For a new leader after the old one has died. */
const TAKEOVER_MS = 15_000;
/** From the start of a dispatcher's process to its first result. */
const SERVES_WITHIN_MS = 2_000;

describe('several dispatchers on Nomad', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let services: Service[];
  const pools = [
    {
      ...{ name: 'any', nodePool: 'all', minimum: SIZE, maximum: SIZE + 2, idleSeconds: 3 },
      executor: { maxRunning: 20 },
    },
  ];

  before(async () => {
    paddock = nomad.install({ prefix: 'many', pools });
    services = await Promise.all([paddock.startDispatcher(), paddock.startDispatcher()]);
  });

  /** All dispatchers know the same executors, and as many as there should be. */
  const isSettled = (): Promise<string[]> =>
    waitFor(
      async () => {
        const running = (await paddock.running('any')).map(({ ID }) => ID).sort();
        const known = await Promise.all(services.map(({ url }) => executorsOf(url)));
        const agree = known.every((executors) =>
          executors.every(({ id, state }) => running.includes(id) && state === 'ready'),
        );
        const full = known.every((executors) => executors.length === SIZE);
        return running.length === SIZE && agree && full && running;
      },
      { what: 'all dispatchers to know all executors', timeoutMs: 30_000, everyMs: 50 },
    );

  const leading = async (): Promise<Service[]> => {
    const answers = await Promise.all(services.map(({ url }) => leads(url).catch(() => false)));
    return services.filter((_, index) => answers[index]);
  };

  const leader = (timeoutMs = 10_000): Promise<Service> =>
    waitFor(
      async () => {
        const found = await leading();
        assert.ok(found.length < 2, 'two lead at once');
        return found[0];
      },
      { what: 'a leader', timeoutMs, everyMs: 50 },
    );

  test('start one pool between them, and one of them leads', async () => {
    await isSettled();
    await leader();
    assert.equal((await paddock.allocations('any')).length, SIZE, 'nobody started one too many');
    for (const { url } of services) assert.equal((await run(url, hello)).run?.stdout, 'hello\n');
  });

  test('the leader is killed with 100 executions in flight: the other serves and leads, and nothing leaks', async () => {
    const executors = await isSettled();
    const killed = await leader();
    const other = services.find((service) => service !== killed);
    assert.ok(other);
    const start = (url: string): Promise<Executed>[] =>
      Array.from({ length: AT_EACH }, () => execute(url, { ...sleeper(6), deadlineMs: 60_000 }));
    const kept = Promise.all(start(other.url));
    const lost = Promise.allSettled(start(killed.url));
    const inFlight = async (): Promise<number> => {
      const known = await executorsOf(other.url);
      return known.reduce((sum, { running }) => sum + running, 0);
    };
    // 60 fit; the others wait in both queues.
    await waitFor(async () => (await inFlight()) === SIZE * 20, { what: 'all executors to be full' });

    const killedAt = performance.now();
    await killed.stop('SIGKILL');
    services = [other];
    assert.ok((await lost).every(({ status }) => status === 'rejected'));
    assert.equal((await run(other.url, { ...hello, deadlineMs: 30_000 })).run?.stdout, 'hello\n');
    assert.equal(await leader(TAKEOVER_MS), other);
    const took = performance.now() - killedAt;
    assert.ok(took < TAKEOVER_MS, `the other leads after ${took} ms`);
    for (const answer of await kept)
      assert.ok(answer.ok && answer.result.run?.stdout === 'begun\ndone\n', JSON.stringify(answer));
    await waitFor(async () => (await inFlight()) === 0, { what: 'what nobody waits for to end' });

    // The new leader may have added some for those that waited; it gives them back, and keeps those that were there.
    assert.ok((await paddock.allocations('any')).length <= SIZE + 2);
    assert.deepEqual(await isSettled(), executors);
  });

  test('a dispatcher that starts again serves at once, with the executors that are there', async () => {
    const executors = await isSettled();
    const startedAt = performance.now();
    const again = await paddock.startDispatcher();
    assert.equal((await run(again.url, hello)).run?.stdout, 'hello\n');
    const took = performance.now() - startedAt;
    services = [...services, again];
    assert.ok(took < SERVES_WITHIN_MS, `it took ${took} ms`);
    assert.deepEqual(await isSettled(), executors);
  });

  test('a leader that ends in peace hands over at once', async () => {
    const executors = await isSettled();
    const ending = await leader();
    const stopped = ending.stop();
    services = services.filter((service) => service !== ending);
    const askedAt = performance.now();
    await leader();
    assert.ok(performance.now() - askedAt < 5_000);
    assert.equal((await stopped).code, 0);
    assert.deepEqual(await isSettled(), executors);
  });

  test('a pool never exceeds its maximum, also while the leader changes in the middle of a burst', async () => {
    services = [...services, await paddock.startDispatcher()];
    await isSettled();
    const killed = await leader();
    const [other] = services.filter((service) => service !== killed);
    assert.ok(other);
    let most = 0;
    const count = async (): Promise<number> => {
      const { length } = await paddock.children('any');
      most = Math.max(most, length);
      return length;
    };
    const burst = services.map(({ url }) =>
      Promise.allSettled(Array.from({ length: 60 }, () => run(url, { ...sleeper(5), deadlineMs: 90_000 }))),
    );
    await waitFor(async () => (await count()) > SIZE, { what: 'the pool to grow', timeoutMs: 20_000 });
    await killed.stop('SIGKILL');
    services = [other];
    let done = false;
    const all = Promise.all(burst).finally(() => {
      done = true;
    });
    await waitFor(
      async () => {
        await count();
        return done;
      },
      { what: 'the burst to end', timeoutMs: 90_000 },
    );
    const answers = (await all).flat();
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 60);
    assert.equal(await leader(TAKEOVER_MS), other);
    await isSettled();
    await count();
    assert.ok(most <= SIZE + 2, `there were ${most}`);
  });
});
