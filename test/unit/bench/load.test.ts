import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { askPaddock } from '../../bench/apis/paddock.ts';
import { openConnection } from '../../bench/load/connection.ts';
import { closedLoop, pacedLoop } from '../../bench/load/loops.ts';
import { requestBytes, targetOf } from '../../bench/load/target.ts';
import { python } from '../../bench/programs.ts';
import { type FakeSystem, type Reply, startFakeSystem } from './fake-system.ts';

const good: Reply = { body: { run: { outcome: 'ok', stdout: 'hello\n' } } };

const withSystem = async <T>(
  reply: Parameters<typeof startFakeSystem>[0],
  use: (system: FakeSystem) => Promise<T>,
): Promise<T> => {
  const system = await startFakeSystem(reply);
  try {
    return await use(system);
  } finally {
    await system.close();
  }
};

const post = async ({ url }: FakeSystem, body: unknown = {}) => {
  const base = new URL(url);
  const connection = openConnection(base);
  try {
    return await connection.send(Buffer.from(requestBytes(base, '/x', {}, JSON.stringify(body))));
  } finally {
    connection.close();
  }
};

describe('a connection', () => {
  const long = 'ä€😀'.repeat(20_000);

  for (const chunked of [false, true]) {
    test(`gives a body that comes ${chunked ? 'in chunks' : 'with a length'}, whole`, async () => {
      const answer = await withSystem(
        () => ({ status: 201, body: { long }, chunked }),
        (system) => post(system),
      );
      assert.equal(answer.status, 201);
      // Not by deepEqual, which would print all of it.
      assert.ok(answer.body === JSON.stringify({ long }), 'the body is another one');
    });
  }

  test('sends the bytes of other alphabets with their length', async () => {
    await withSystem(
      () => good,
      async (system) => {
        await post(system, { long });
        assert.ok(
          JSON.stringify(system.asked[0]?.body) === JSON.stringify({ long }),
          'the body is another one',
        );
      },
    );
  });

  test('a broken one fails the request, and is opened anew for the next', async () => {
    let n = 0;
    await withSystem(
      () => (n++ === 0 ? undefined : good),
      async ({ url }) => {
        const base = new URL(url);
        const connection = openConnection(base);
        const bytes = Buffer.from(requestBytes(base, '/x', {}, '{}'));
        await assert.rejects(connection.send(bytes), /ended before the answer|ECONNRESET/);
        assert.equal((await connection.send(bytes)).status, 200);
        connection.close();
      },
    );
  });

  test('nobody there fails it', async () => {
    const url = await withSystem(
      () => good,
      async (system) => system.url,
    );
    await assert.rejects(post({ url } as FakeSystem), /ECONNREFUSED/);
  });

  test('a base with a path keeps it', () => {
    assert.match(requestBytes(new URL('http://h/api/'), '/run', {}, ''), /^POST \/api\/run HTTP\/1.1\r\n/);
  });
});

const windowOf = (connections: number, seconds: number) => ({
  connections,
  seconds,
  rampMs: 50,
  sample: () => performance.now(),
});

describe('load', () => {
  test('closed: each connection sends again when it has its answer', async () => {
    await withSystem(
      async () => {
        await pause(20);
        return good;
      },
      async ({ url }) => {
        const slice = await closedLoop(targetOf(url, askPaddock(python)), windowOf(4, 0.4));
        // 200 a second, if timers were exact and the machine idle.
        assert.ok(slice.perSecond > 20 && slice.perSecond <= 205, `${slice.perSecond} a second`);
        assert.ok(slice.latencies.every((ms) => ms >= 19));
        assert.ok(slice.after - slice.before >= 390);
        assert.ok(slice.ended > 0 && slice.ended <= slice.latencies.length + 4);
      },
    );
  });

  test('closed: what takes longer than the window still counts', async () => {
    await withSystem(
      async () => {
        await pause(150);
        return good;
      },
      async ({ url }) => {
        const slice = await closedLoop(targetOf(url, askPaddock(python)), windowOf(1, 0.2));
        assert.ok(slice.perSecond > 2 && slice.perSecond <= 6.8, `${slice.perSecond} a second`);
      },
    );
  });

  test('a wrong answer ends it with an error', async () => {
    const wrong = { body: { run: { outcome: 'ok', stdout: 'bye\n' } } };
    await withSystem(
      () => wrong,
      async ({ url }) => {
        const started = performance.now();
        await assert.rejects(closedLoop(targetOf(url, askPaddock(python)), windowOf(2, 30)), /did not end/);
        assert.ok(performance.now() - started < 10_000);
      },
    );
  });

  test('paced: as many as asked for, evenly', async () => {
    const at: number[] = [];
    await withSystem(
      () => {
        at.push(performance.now());
        return good;
      },
      async ({ url }) => {
        await pacedLoop(targetOf(url, askPaddock(python)), 50, windowOf(4, 0.8));
        const perSecond = ((at.length - 1) * 1_000) / ((at.at(-1) ?? 0) - (at[0] ?? 0));
        assert.ok(perSecond > 40 && perSecond < 60, `${perSecond} a second`);
      },
    );
  });

  test('paced: what waits for a connection counts from when it was due', async () => {
    await withSystem(
      async () => {
        await pause(60);
        return good;
      },
      async ({ url }) => {
        const slice = await pacedLoop(targetOf(url, askPaddock(python)), 100, windowOf(1, 0.5));
        assert.ok(Math.max(...slice.latencies) > 200, `${slice.latencies}`);
      },
    );
  });
});
