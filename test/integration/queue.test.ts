import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statsResponseSchema } from '../../service/contracts/service.ts';
import { execute, executorsOf, run } from '../harness/client.ts';
import { descendantsOf, isWaiting, sandboxesAmong } from '../harness/processes.ts';
import { useService } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const paddock = useService({ env: { PADDOCK_MAX_RUNNING: '1', PADDOCK_QUEUE_LIMIT: '2' } });

const sleeper = (seconds: number) => ({
  runtime: 'python',
  code: `import time\ntime.sleep(${seconds})\nprint('slept')\n`,
});

const stats = async () => statsResponseSchema.parse(await (await fetch(`${paddock.url}/v1/stats`)).json());

const waiting = (number: number): Promise<boolean> =>
  waitFor(async () => (await stats()).queue.waiting === number, { what: `${number} to wait` });

const running = (number: number): Promise<boolean> =>
  waitFor(async () => (await executorsOf(paddock.url)).every((executor) => executor.running === number), {
    what: `${number} to run`,
  });

const noneUsed = (): Promise<boolean> =>
  waitFor(() => [...sandboxesAmong(descendantsOf(paddock.service.pid)).values()].every(isWaiting), {
    what: 'every used sandbox to be gone',
    timeoutMs: 3_000,
  });

describe('the queue', () => {
  test('one over its limit is a 503 with Retry-After at once, and the others get their results', async () => {
    const accepted = [execute(paddock.url, sleeper(1.5))];
    await running(1);
    accepted.push(execute(paddock.url, sleeper(0)), execute(paddock.url, sleeper(0)));
    await waiting(2);
    const refused = await execute(paddock.url, sleeper(0));
    assert.ok(!refused.ok);
    assert.equal(refused.status, 503);
    assert.equal(refused.problem.code, 'queue-full');
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.ok(refused.ms < 500, `it took ${refused.ms} ms`);
    for (const answer of await Promise.all(accepted))
      assert.ok(answer.ok && answer.result.run?.stdout === 'slept\n');
    await waiting(0);
  });

  test('one whose deadline passes while it waits is a 504, and costs no sandbox', async () => {
    const first = execute(paddock.url, sleeper(1.5));
    await running(1);
    const late = await execute(paddock.url, { ...sleeper(0), deadlineMs: 300 });
    assert.ok(!late.ok);
    assert.equal(late.problem.code, 'deadline-exceeded');
    assert.equal(late.status, 504);
    assert.ok(late.ms >= 290 && late.ms < 1_000, `it took ${late.ms} ms`);
    assert.ok((await first).ok);
  });

  test('one whose deadline passes while it runs is ended', async () => {
    const answer = await execute(paddock.url, { ...sleeper(8), deadlineMs: 500 });
    assert.ok(!answer.ok && answer.problem.code === 'deadline-exceeded', JSON.stringify(answer));
    assert.ok(answer.ms < 1_500, `it took ${answer.ms} ms`);
    await noneUsed();
  });

  test('a client that goes away while its program runs ends it and makes room', async () => {
    const gone = new AbortController();
    const cancelled = execute(paddock.url, { ...sleeper(8) }, gone.signal).catch(
      (error: Error) => error.name,
    );
    await running(1);
    const leftAt = performance.now();
    gone.abort();
    assert.equal(await cancelled, 'AbortError');
    const next = await run(paddock.url, { runtime: 'python', code: 'print(3)' });
    assert.equal(next.run?.stdout, '3\n');
    assert.ok(performance.now() - leftAt < 2_000, `it took ${performance.now() - leftAt} ms`);
    await noneUsed();
  });

  test('a client that goes away while it waits leaves the queue', async () => {
    const first = execute(paddock.url, sleeper(1.5));
    await running(1);
    const gone = new AbortController();
    const cancelled = execute(paddock.url, sleeper(0), gone.signal).catch((error: Error) => error.name);
    await waiting(1);
    gone.abort();
    await cancelled;
    await waiting(0);
    assert.ok((await first).ok);
  });

  test('a hundred clients that come and go leave nothing running or waiting', async () => {
    const clients = Array.from({ length: 100 }, (_, index) => {
      const gone = new AbortController();
      const answer = execute(paddock.url, sleeper(0.2), gone.signal).catch(() => undefined);
      setTimeout(() => gone.abort(), (index * 7) % 300);
      return answer;
    });
    await Promise.all(clients);
    await waiting(0);
    await running(0);
    await noneUsed();
    assert.equal((await run(paddock.url, { runtime: 'python', code: 'print(4)' })).run?.stdout, '4\n');
  });
});
