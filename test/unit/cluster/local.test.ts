import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createLocalCluster } from '../../../service/cluster/local.ts';
import type { ExecutorAddress } from '../../../service/cluster/port.ts';
import { createHandClock } from '../hand-clock.ts';

const timeout = 20_000;
const program = fileURLToPath(new URL('executor-program.ts', import.meta.url));

const setUp = (t: TestContext, mode: string, count = 1) => {
  const clock = createHandClock();
  const joined: ExecutorAddress[] = [];
  const left: { id: string; reason: string }[] = [];
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const cluster = createLocalCluster({
    program,
    count,
    pool: 'default',
    environment: { PATH: process.env.PATH ?? '', MODE: mode },
    clock,
    randomBytes,
    log: { warn: () => {} },
  });
  t.after(() => cluster.close());
  return {
    clock,
    cluster,
    joined,
    left,
    until: async (holds: () => boolean): Promise<void> => {
      while (!holds()) await changed.promise;
    },
    start: () =>
      cluster.start({
        joined: (address) => {
          joined.push(address);
          tell();
        },
        draining: () => {},
        left: (id, reason) => {
          left.push({ id, reason });
          tell();
        },
      }),
  };
};

const answerSchema = z.object({ environment: z.record(z.string(), z.string()), pid: z.int() });
const ask = async (address: ExecutorAddress | undefined): Promise<z.infer<typeof answerSchema>> =>
  answerSchema.parse(await (await fetch(String(address?.url))).json());

test('executors get their own token and nothing of our environment', { timeout }, async (t) => {
  const { start, joined } = setUp(t, 'ready', 2);
  process.env.SECRET_OF_THE_SERVICE = 'x';
  await start();
  const [one, two] = joined;
  assert.match(String(one?.authorization()), /^Bearer [0-9a-f]{64}$/);
  assert.notEqual(one?.authorization(), two?.authorization());
  const { environment } = await ask(one);
  assert.equal(environment.PADDOCK_EXECUTOR_ID, one?.id);
  assert.equal(`Bearer ${environment.PADDOCK_EXECUTOR_TOKEN}`, one?.authorization());
  assert.deepEqual(
    Object.keys(environment)
      .filter((name) => !name.startsWith('NODE_CHANNEL'))
      .sort(),
    ['MODE', 'PADDOCK_EXECUTOR_ID', 'PADDOCK_EXECUTOR_TOKEN', 'PATH'],
  );
});

test('a start that is refused fails with the reason', { timeout }, async (t) => {
  await assert.rejects(setUp(t, 'refuse').start(), /^Error: memory limits cannot be enforced here$/);
  await assert.rejects(setUp(t, 'crash').start(), /it ended with code 7/);
});

test('one that is killed has left at once, and another comes, later each time', { timeout }, async (t) => {
  const { start, joined, left, until, clock } = setUp(t, 'ready');
  await start();
  let waits: number[] = [];
  for (let round = 1; round <= 3; round++) {
    const { pid } = await ask(joined.at(-1));
    process.kill(pid, 'SIGKILL');
    await until(() => left.length === round);
    assert.deepEqual(left.at(-1), { id: `local-0-${round}`, reason: 'it was ended by SIGKILL' });
    waits = [...waits, Math.min(...clock.pending())];
    clock.advance(waits.at(-1) ?? 0);
    await until(() => joined.length === round + 1);
    assert.equal(joined.at(-1)?.id, `local-0-${round + 1}`);
    assert.notEqual(joined.at(-1)?.authorization(), joined.at(-2)?.authorization());
  }
  assert.deepEqual(waits, [100, 200, 400]);
});

test('one that lived long is started again soon', { timeout }, async (t) => {
  const { start, joined, left, until, clock } = setUp(t, 'ready');
  await start();
  for (const [round, lived] of [0, 60_000].entries()) {
    const { pid } = await ask(joined.at(-1));
    clock.advance(lived);
    process.kill(pid, 'SIGKILL');
    await until(() => left.length === round + 1);
    assert.equal(Math.min(...clock.pending()), 100);
    clock.advance(100);
    await until(() => joined.length === round + 2);
  }
});

test('closing ends every process, by force where one does not want to', { timeout }, async (t) => {
  const { start, cluster, joined, left, clock } = setUp(t, 'stubborn');
  await start();
  const { pid } = await ask(joined[0]);
  const closed = cluster.close();
  clock.advance(15_000);
  await closed;
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.deepEqual(left, [{ id: 'local-0-1', reason: 'it was ended by SIGKILL' }]);
  assert.deepEqual(clock.pending(), []);
});
