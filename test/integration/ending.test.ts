import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { execute, executorsOf, run, stream } from '../harness/client.ts';
import { hostState, placesIn } from '../harness/leaks.ts';
import { descendantsOf, isAlive } from '../harness/processes.ts';
import { type Service, startService } from '../harness/start-service.ts';
import { assertNothingLeft } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const program = { runtime: 'python', code: 'print(1)' };
const sleeper = (seconds: number) => ({
  runtime: 'python',
  code: `import time\nprint('begun', flush=True)\ntime.sleep(${seconds})\nprint('done')\n`,
});

const start = async (t: TestContext): Promise<{ service: Service; nothingLeft: () => Promise<void> }> => {
  const stateDir = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  const host = hostState();
  const service = await startService({ stateDir });
  const places = placesIn(stateDir);
  t.after(async () => {
    await service.stop('SIGKILL');
    rmSync(stateDir, { recursive: true, force: true });
  });
  return { service, nothingLeft: () => assertNothingLeft(host, places, stateDir) };
};

const isRunning = (service: Service): Promise<boolean> =>
  waitFor(async () => (await executorsOf(service.url)).some(({ running }) => running > 0), {
    what: 'it to run',
  });

/** Starts a long program and resolves when it has written its first output. */
const hasBegun = async (service: Service): Promise<void> => {
  const events = stream(service.url, { ...sleeper(30), limits: { wallMs: 60_000 } });
  const { value } = await events.next();
  assert.equal(value?.event, 'output');
  // The stream stays open: it breaks when the service does.
  events.next().catch(() => {});
};

describe('the end of the service', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} when idle ends it at once, with code 0, and leaves nothing`, async (t) => {
      const { service, nothingLeft } = await start(t);
      await run(service.url, program);
      const started = performance.now();
      assert.deepEqual(await service.stop(signal), { code: 0, signal: null });
      assert.ok(performance.now() - started < 3_000);
      await nothingLeft();
      assert.deepEqual(
        readdirSync(service.stateDir).filter((name) => name.startsWith('place')),
        [],
      );
    });
  }

  test('SIGTERM in mid-run settles what was accepted and refuses what comes after', async (t) => {
    const { service, nothingLeft } = await start(t);
    const accepted = execute(service.url, sleeper(1.5));
    await isRunning(service);
    const ending = service.stop('SIGTERM');
    const answer = await accepted;
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.result.run?.stdout, 'begun\ndone\n');
    assert.equal((await ending).code, 0);
    await nothingLeft();
  });

  test('a second Ctrl-C does not wait for programs', async (t) => {
    const { service, nothingLeft } = await start(t);
    const accepted = execute(service.url, sleeper(9)).catch((error: Error) => error);
    await isRunning(service);
    const started = performance.now();
    const ending = service.stop('SIGINT');
    await waitFor(() => service.log().includes('ending'), { what: 'the first signal to be taken' });
    process.kill(service.pid, 'SIGINT');
    await ending;
    assert.ok(performance.now() - started < 5_000, `it took ${performance.now() - started} ms`);
    await accepted;
    await nothingLeft();
  });

  test('SIGKILL of the service in mid-run takes executors and sandboxes with it', async (t) => {
    const { service, nothingLeft } = await start(t);
    await hasBegun(service);
    const family = descendantsOf(service.pid).map(({ pid }) => pid);
    assert.ok(family.length > 2);
    process.kill(service.pid, 'SIGKILL');
    await waitFor(() => family.every((pid) => !isAlive(pid)), {
      what: 'its family to end',
      timeoutMs: 8_000,
    });
    await nothingLeft();
  });

  test('after SIGKILL of service and executor at once, the next start clears what is left', async (t) => {
    const { service, nothingLeft } = await start(t);
    const executor = descendantsOf(service.pid).find(({ command }) => command.includes('executor.ts'));
    assert.ok(executor);
    await hasBegun(service);
    process.kill(service.pid, 'SIGKILL');
    process.kill(executor.pid, 'SIGKILL');
    await service.stop('SIGKILL');
    const next = await startService({ stateDir: service.stateDir });
    t.after(() => next.stop('SIGKILL'));
    assert.equal((await run(next.url, program)).run?.stdout, '1\n');
    await next.stop();
    await nothingLeft();
  });

  test('two services on one machine do not disturb each other', async (t) => {
    const first = await start(t);
    const second = await start(t);
    const slow = execute(first.service.url, sleeper(2));
    await isRunning(first.service);
    assert.equal((await run(second.service.url, program)).run?.stdout, '1\n');
    assert.equal((await second.service.stop()).code, 0);
    const answer = await slow;
    assert.ok(answer.ok && answer.result.run?.stdout === 'begun\ndone\n', JSON.stringify(answer));
    assert.equal((await first.service.stop()).code, 0);
    await first.nothingLeft();
  });
});
