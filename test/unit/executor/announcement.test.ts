import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { registrationSchema } from '../../../service/contracts/cluster-api.ts';
import { createAnnouncement, type PostJson } from '../../../service/executor/announcement.ts';
import { createHandClock } from '../hand-clock.ts';

const registration = {
  allocation: 'a1b2c3d4-0000-4000-8000-000000000001',
  pool: 'python',
  url: 'http://10.0.0.7:23001',
  node: 'node-7',
};

const prepared = (
  post: PostJson,
  dispatchers: readonly string[] = ['http://one:7070', 'http://two:7070/'],
) => {
  const clock = createHandClock();
  const warnings: object[] = [];
  const announcement = createAnnouncement({
    dispatchers,
    registration,
    authorization: 'Bearer identity',
    post,
    clock,
    log: { info() {}, warn: (fields) => warnings.push(fields) },
  });
  /** Lets time pass in small steps, with what it sets going. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      await turn();
      clock.advance(50);
    }
    await turn();
  };
  return { clock, warnings, announcement, pass };
};
interface Post {
  readonly url: string;
  readonly body: unknown;
  readonly authorization: string;
}

describe('an executor that announces itself', () => {
  test('tells every dispatcher that it is ready, at the same time', async () => {
    const posts: Post[] = [];
    const answers: ((status: number) => void)[] = [];
    const { announcement, clock } = prepared((url, body, authorization) => {
      posts.push({ url, body: registrationSchema.parse(JSON.parse(body)), authorization });
      return new Promise((resolve) => answers.push(resolve));
    });
    const told = announcement.ready();
    assert.deepEqual(
      posts.map(({ url }) => url),
      ['http://one:7070/cluster/executors', 'http://two:7070/cluster/executors'],
    );
    assert.deepEqual(posts[0]?.body, { ...registration, state: 'ready' });
    for (const answer of answers) answer(204);
    await told;
    assert.deepEqual(clock.pending(), []);
  });

  test('tries again, less and less often, each time with its identity', async () => {
    const at: number[] = [];
    const identities: string[] = [];
    const { announcement, clock, pass, warnings } = prepared(
      async (_url, _body, authorization) => {
        at.push(clock.now());
        identities.push(authorization);
        if (at.length < 3) throw new Error('refused');
        return at.length < 9 ? 401 : 204;
      },
      ['http://one'],
    );
    const told = announcement.ready();
    await pass(20_000);
    await told;
    assert.deepEqual(at, [0, 50, 150, 350, 750, 1_550, 3_150, 5_150, 7_150]);
    assert.deepEqual(identities, Array(9).fill('Bearer identity'));
    assert.deepEqual(warnings, []);
  });

  test('gives a dispatcher up after a minute, and another that answers is told all the same', async () => {
    const heard: string[] = [];
    const { announcement, pass, warnings } = prepared(async (url) => {
      if (url.includes('one')) throw new Error('nobody is there');
      heard.push(url);
      return 204;
    });
    const told = announcement.ready();
    await pass(61_000);
    await told;
    assert.equal(heard.length, 1);
    assert.deepEqual(
      warnings.map((fields) => ({ ...fields, tookMs: 0 })),
      [{ dispatcher: 'http://one:7070', state: 'ready', tookMs: 0, reason: 'nobody is there' }],
    );
  });

  test('does not wait for an answer that does not come', async () => {
    let attempts = 0;
    const { announcement, pass } = prepared(
      (_url, _body, _authorization, signal) => {
        attempts += 1;
        if (attempts > 1) return Promise.resolve(204);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
      ['http://one'],
    );
    const told = announcement.ready();
    await pass(1_950);
    assert.equal(attempts, 1);
    await pass(200);
    await told;
    assert.equal(attempts, 2);
  });

  test('says that it drains, once, and no more that it is ready', async () => {
    const states: string[] = [];
    const { announcement, pass, warnings } = prepared(
      async (_url, body) => {
        const { state } = registrationSchema.parse(JSON.parse(body));
        states.push(state);
        return state === 'ready' ? 503 : 204;
      },
      ['http://one'],
    );
    const ready = announcement.ready();
    await pass(100);
    assert.deepEqual(new Set(states), new Set(['ready']));
    const before = states.length;
    await announcement.draining();
    await pass(5_000);
    await ready;
    assert.deepEqual(states.slice(before), ['draining']);
    assert.deepEqual(warnings, []);
  });

  test('does not hold its end up for a dispatcher that is gone', async () => {
    const { announcement, pass, clock } = prepared(async () => {
      throw new Error('gone');
    }, ['http://one']);
    let endedAt: number | undefined;
    const told = announcement.draining().then(() => {
      endedAt = clock.now();
    });
    await pass(2_500);
    await told;
    assert.ok(endedAt !== undefined && endedAt <= 2_000);
  });
});
