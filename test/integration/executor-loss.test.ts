import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { executionResultSchema, outputEventSchema } from '../../service/contracts/execution.ts';
import { execute, executorsOf, run, settled, stream } from '../harness/client.ts';
import { cgroupCounts } from '../harness/leaks.ts';
import {
  descendantsOf,
  describeProcess,
  isAlive,
  listProcesses,
  sandboxesAmong,
} from '../harness/processes.ts';
import type { Service } from '../harness/start-service.ts';
import { useService } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const paddock = useService({ env: { PADDOCK_LOG_LEVEL: 'error' } });

const executorPid = (service: Service): number | undefined =>
  descendantsOf(service.pid).find(({ command }) => command.includes('executor.ts'))?.pid;

/** Kills the only executor and gives back the processes of its sandboxes at that moment. */
const killExecutor = (service: Service): number[] => {
  const pid = executorPid(service);
  assert.ok(pid, 'there is an executor');
  const sandboxed = [...sandboxesAmong(descendantsOf(pid)).values()].flat().map((facts) => facts.pid);
  assert.ok(sandboxed.length > 0, 'it has sandboxes');
  process.kill(pid, 'SIGKILL');
  return sandboxed;
};

const sleeper = (seconds: number) => ({
  runtime: 'python',
  code: `import time\nprint('begun', flush=True)\ntime.sleep(${seconds})\nprint('done')\n`,
  limits: { wallMs: 60_000 },
});

/** Starts the program as a stream, so that the moment at which it runs is known, and then kills the executor. */
const killInMidRun = async (request: Parameters<typeof stream>[1]) => {
  let killedAt = 0;
  let sandboxed: number[] = [];
  let begun = 0;
  for await (const { event, data } of stream(paddock.url, request)) {
    if (event === 'output' && outputEventSchema.parse(data).content.includes('begun')) {
      begun++;
      if (begun === 1) {
        killedAt = performance.now();
        sandboxed = killExecutor(paddock.service);
      }
    }
    if (event === 'result' || event === 'error')
      return { event, data, begun, sandboxed, ms: performance.now() - killedAt };
  }
  throw new Error('the stream ended without a result');
};

const allGone = (pids: readonly number[]): Promise<boolean> =>
  waitFor(() => pids.every((pid) => !isAlive(pid)), { what: 'its sandboxes to die', timeoutMs: 3_000 });

describe('an executor that is killed in mid-run', () => {
  test('takes its sandboxes with it, and the caller without a retry hears of it at once', async () => {
    const { event, data, sandboxed, ms } = await killInMidRun({ ...sleeper(30), retry: false });
    assert.equal(event, 'error');
    assert.partialDeepStrictEqual(data, { code: 'executor-lost', status: 502 });
    assert.ok(ms < 2_000, `it took ${ms} ms`);
    await allGone(sandboxed);
  });

  test('is replaced by another one, which clears what was left', async () => {
    await waitFor(async () => (await executorsOf(paddock.url)).some(({ state }) => state === 'ready'), {
      what: 'another executor',
      timeoutMs: 15_000,
    });
    const result = await run(paddock.url, { runtime: 'python', code: 'print(2)' });
    assert.equal(result.run?.stdout, '2\n');
    // Every cgroup belongs to a sandbox of the new executor.
    await waitFor(
      () => {
        const sandboxes = sandboxesAmong(descendantsOf(paddock.service.pid)).size;
        return (
          sandboxes > 0 && cgroupCounts(paddock.service.pid).every(({ inhabited }) => inhabited === sandboxes)
        );
      },
      { what: 'cgroups and sandboxes to agree' },
    );
  });

  test('a JSON caller gets a typed error as well', async () => {
    const answering = execute(paddock.url, { ...sleeper(30), retry: false });
    await waitFor(async () => (await executorsOf(paddock.url)).some(({ running }) => running > 0), {
      what: 'it to run',
    });
    const killedAt = performance.now();
    const sandboxed = killExecutor(paddock.service);
    const answer = await answering;
    assert.ok(!answer.ok);
    assert.equal(answer.problem.code, 'executor-lost');
    assert.equal(answer.status, 502);
    assert.ok(performance.now() - killedAt < 2_000);
    await allGone(sandboxed);
  });

  test('with a retry, the default, the program runs once more and the caller gets its result', async () => {
    await waitFor(async () => (await executorsOf(paddock.url)).some(({ state }) => state === 'ready'), {
      what: 'an executor',
      timeoutMs: 15_000,
    });
    const answering = execute(paddock.url, sleeper(1));
    await waitFor(async () => (await executorsOf(paddock.url)).some(({ running }) => running > 0), {
      what: 'it to run',
    });
    killExecutor(paddock.service);
    const answer = await answering;
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.result.run?.stdout, 'begun\ndone\n');
    assert.equal(answer.result.attempts, 2);
  });

  test('a stream that has given output already ends with the result of the retry or a typed error', async () => {
    await waitFor(async () => (await executorsOf(paddock.url)).some(({ state }) => state === 'ready'), {
      what: 'an executor',
      timeoutMs: 15_000,
    });
    const { event, data, begun } = await killInMidRun(sleeper(1));
    if (event === 'result') {
      const result = executionResultSchema.parse(data);
      assert.equal(result.attempts, 2);
      assert.equal(result.run?.stdout, 'begun\ndone\n');
    } else {
      assert.partialDeepStrictEqual(data, { code: 'executor-lost' });
      assert.equal(begun, 1);
    }
  });

  test('leaves no process without an executor', async () => {
    await waitFor(() => strays(paddock.service).length === 0, {
      what: 'strays to end',
      timeoutMs: 5_000,
    }).catch(() => {});
    assert.deepEqual(strays(paddock.service), []);
    // What the last one left is cleared by the next: ending before that would leave it to the next start.
    await settled(paddock.url);
  });
});

/** Sandbox processes that use this service's state folder and do not descend from it. */
const strays = (service: Service): string[] => {
  const family = new Set(descendantsOf(service.pid).map(({ pid }) => pid));
  return listProcesses()
    .filter(
      ({ pid, command, state }) => state !== 'Z' && command.includes(service.stateDir) && !family.has(pid),
    )
    .map(describeProcess);
};
