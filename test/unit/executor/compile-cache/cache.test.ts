import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CompileStage } from '../../../../service/contracts/index.ts';
import { defaultLimits } from '../../../../service/contracts/index.ts';
import { type Compiled, createCompileCache } from '../../../../service/executor/compile-cache/cache.ts';
import { toStage } from '../../../../service/executor/verdict.ts';
import { ended } from '../fake-sandbox.ts';

const KIBIBYTE = 1_024;
const BUDGET = 1_024 * KIBIBYTE;
const live = (): AbortSignal => new AbortController().signal;

const stage = (changed: Partial<CompileStage> = {}): CompileStage => ({
  ...toStage(ended(), defaultLimits, defaultLimits.compileMs),
  ...changed,
});
const made = (bytes = 10 * KIBIBYTE, changed: Partial<CompileStage> = {}): Compiled => ({
  stage: stage(changed),
  files: [{ name: 'x', content: Buffer.alloc(bytes, 1), executable: true, modifiedMs: 7 }],
});

const opened = (budget = BUDGET) => {
  const cache = createCompileCache(budget);
  const compilations: string[] = [];
  return {
    cache,
    compilations,
    /** Whether the compilation was spared. */
    async ask(tenant: string, key: string, result: Compiled = made()): Promise<boolean> {
      const compile = async () => {
        compilations.push(`${tenant} ${key}`);
        return result;
      };
      return (await cache.through(tenant, key, compile, live())).spared;
    },
  };
};

describe('the kept results of compilations', () => {
  test('answer an equal compilation, with the same stage and files', async () => {
    const { cache, compilations, ask } = opened();
    const result = made(100, { stderr: 'warning: unused' });
    assert.equal(await ask('a', 'k', result), false);
    const found = await cache.through('a', 'k', () => assert.fail('compiled again'), live());
    assert.deepEqual(found, { ...result, spared: true });
    assert.deepEqual(compilations, ['a k']);
    const { bytes, ...counts } = cache.status();
    assert.deepEqual(counts, { hits: 1, misses: 1, entries: 1, budgetBytes: BUDGET });
    assert.ok(bytes > 100);
  });

  test('are a copy: whoever made one may do with its buffers what it likes', async () => {
    const { cache, ask } = opened();
    const result = made(100);
    await ask('a', 'k', result);
    result.files[0]?.content.fill(0xff);
    const { files } = await cache.through('a', 'k', () => assert.fail('compiled again'), live());
    assert.deepEqual(files[0]?.content, Buffer.alloc(100, 1));
    assert.equal(files[0]?.content.buffer.byteLength, 100, 'a block of its own, not part of a larger one');
  });

  test('are each tenant’s own, whatever tenants and keys are called', async () => {
    const { ask } = opened();
    await ask('a', 'k');
    assert.equal(await ask('b', 'k'), false);
    assert.equal(await ask('a","k', ''), false);
    assert.equal(await ask('a', 'k'), true);
    assert.equal(await ask('__proto__', 'k'), false);
  });

  test('hold successes only', async () => {
    for (const outcome of [
      'nonzero-exit',
      'time-limit',
      'memory-limit',
      'disk-limit',
      'internal-error',
    ] as const) {
      const { cache, ask } = opened();
      assert.equal(await ask('a', 'k', made(10, { outcome })), false);
      assert.equal(await ask('a', 'k'), false, outcome);
      assert.equal(cache.status().entries, 1);
    }
  });

  test('do not remember a compilation that could not be done', async () => {
    const { cache, ask } = opened();
    const fail = () => Promise.reject(new Error('no sandbox'));
    await assert.rejects(cache.through('a', 'k', fail, live()), /no sandbox/);
    assert.equal(await ask('a', 'k'), false);
    assert.equal(await ask('a', 'k'), true);
  });
});

describe('the budget of kept results', () => {
  test('lets the longest unused go first', async () => {
    const { ask } = opened(100 * KIBIBYTE);
    for (const key of ['1', '2', '3', '4', '5', '6', '7']) await ask('a', key);
    assert.equal(await ask('a', '1'), true, 'used again');
    for (const key of ['8', '9']) await ask('a', key);
    assert.equal(await ask('a', '1'), true, 'so it stays');
    assert.equal(await ask('a', '2'), false, 'and this one went');
  });

  test('holds no single result of more than an eighth', async () => {
    const { cache, ask } = opened();
    await ask('a', 'small', made(BUDGET / 8 - 4 * KIBIBYTE));
    await ask('a', 'huge', made(BUDGET / 8));
    await ask('a', 'chatty', made(1, { stderr: 'x'.repeat(BUDGET / 16) }));
    assert.equal(cache.status().entries, 1);
  });

  test('counts what a result costs besides its bytes: small ones are bounded too', async () => {
    const { cache, ask } = opened(64 * KIBIBYTE);
    for (let n = 0; n < 200; n++) await ask('a', String(n), { stage: stage(), files: [] });
    assert.ok(cache.status().entries <= 32, `${cache.status().entries} entries`);
  });

  test('lets no tenant push out another that holds less', async () => {
    const { ask } = opened(200 * KIBIBYTE);
    for (const key of ['1', '2', '3']) await ask('quiet', key);
    for (let n = 0; n < 500; n++) await ask('flood', String(n));
    for (const key of ['1', '2', '3']) assert.equal(await ask('quiet', key), true, key);
    assert.equal(await ask('flood', '499'), true);
  });

  test('lets one tenant use what nobody else needs, and gives it to the next who comes', async () => {
    const { cache, ask } = opened(200 * KIBIBYTE);
    for (let n = 0; n < 50; n++) await ask('first', String(n));
    assert.ok(cache.status().bytes > 160 * KIBIBYTE);
    for (let n = 0; n < 5; n++) await ask('second', String(n));
    for (let n = 0; n < 5; n++) assert.equal(await ask('second', String(n)), true, String(n));
    assert.equal(await ask('first', '49'), true, 'what was used last stays');
  });

  test('is never exceeded, whoever compiles what', async () => {
    const step = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      key: fc.integer({ min: 0, max: 20 }).map(String),
      bytes: fc.integer({ min: 0, max: 40 * KIBIBYTE }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { cache, ask } = opened(150 * KIBIBYTE);
        for (const { tenant, key, bytes } of steps) {
          await ask(tenant, key, made(bytes));
          assert.ok(cache.status().bytes <= 150 * KIBIBYTE);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('equal compilations at the same time', () => {
  const held = () => {
    const first = Promise.withResolvers<Compiled>();
    const cache = createCompileCache(BUDGET);
    return { cache, first, leader: cache.through('a', 'k', () => first.promise, live()) };
  };

  test('wait for the first', async () => {
    const { cache, first, leader } = held();
    const others = [1, 2].map(() => cache.through('a', 'k', () => assert.fail('compiled too'), live()));
    first.resolve(made());
    assert.equal((await leader).spared, false);
    assert.deepEqual(
      (await Promise.all(others)).map(({ spared }) => spared),
      [true, true],
    );
  });

  test('of another tenant do not', async () => {
    const { cache, first, leader } = held();
    assert.equal((await cache.through('b', 'k', async () => made(), live())).spared, false);
    first.resolve(made());
    await leader;
  });

  test('go on alone where the first comes to nothing, and none fails with it', async () => {
    for (const end of ['throws', 'fails'] as const) {
      const { cache, first, leader } = held();
      let compiled = 0;
      const alone = async () => {
        compiled += 1;
        return made();
      };
      const others = [1, 2].map(() => cache.through('a', 'k', alone, live()));
      if (end === 'throws') first.reject(new Error('its caller has gone'));
      else first.resolve(made(1, { outcome: 'nonzero-exit' }));
      await leader.catch(() => {});
      for (const { stage: own, spared } of await Promise.all(others)) {
        assert.deepEqual([own.outcome, spared], ['ok', false]);
      }
      assert.equal(compiled, 2);
      assert.equal((await cache.through('a', 'k', alone, live())).spared, true);
    }
  });

  test('stop waiting when their caller has gone', async () => {
    const { cache, first, leader } = held();
    const cancel = new AbortController();
    const waiting = cache.through('a', 'k', () => Promise.reject(new Error('gone')), cancel.signal);
    cancel.abort();
    await assert.rejects(waiting, /gone/);
    first.resolve(made());
    assert.equal((await leader).stage.outcome, 'ok');
  });
});
