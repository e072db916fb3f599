import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executorBriefSchema, executorStatusSchema } from '../../../service/contracts/executor-api.ts';
import { parseLoad } from '../../../service/contracts/executor-load.ts';
import { defaultLimits } from '../../../service/contracts/limits.ts';
import type { RuntimeInfo } from '../../../service/contracts/runtime.ts';
import { createStatus, type StatusOptions, type Work } from '../../../service/executor/status.ts';

const python: RuntimeInfo = {
  name: 'python',
  title: 'Python',
  version: '3.11.2',
  aliases: [],
  extensions: [],
  fileName: 'main.py',
  available: true,
  compiled: false,
  startedAhead: true,
  limits: defaultLimits,
  capabilities: [],
};

const start = () => {
  const work: Work = { running: new Set(), state: 'ready', executions: 0, internalErrors: 0 };
  let infos = [python];
  const kind = { runtime: 'python', version: '3.11.2', creating: 0, target: 2 };
  const isolation = { sandbox: 'x', cgroup: 'v2' as const, distinctUids: true, seccomp: true, weaker: [] };
  const status = createStatus({
    config: { id: 'one', node: 'here', capabilities: ['gpu'], maxRunning: 4, warmMemoryMb: 64 },
    machine: {
      maker: { counters: () => ({ forked: 1, fallbacks: 0 }) },
      inspection: { isolation },
    } as unknown as StatusOptions['machine'],
    catalogue: { infos: () => infos },
    warmSet: {
      status: () => [
        { ...kind, stage: 'compile', ready: 1 },
        { ...kind, stage: 'run', ready: 2 },
        { ...kind, version: '3.12.1', stage: 'run', ready: 9 },
      ],
      counters: () => ({ created: 3, failed: 0, hits: 2, misses: 1, warmMb: 5 }),
    },
    compileCache: undefined,
    work,
    now: () => new Date(0),
  });
  return { status, work, become: (next: RuntimeInfo[]) => (infos = next) };
};

test('who knows the catalogue is told only what changes often, everybody else all', () => {
  const { status, work, become } = start();
  const whole = executorStatusSchema.parse(status.say(undefined));
  assert.deepEqual(whole.runtimes, [python]);
  assert.ok('runtimes' in status.say('something else'));
  work.running.add(Promise.resolve());
  const brief = executorBriefSchema.strict().parse(status.say(whole.catalogue));
  assert.equal(brief.running, 1);
  assert.equal(brief.catalogue, whole.catalogue);
  become([{ ...python, available: false, reason: 'its preparation failed' }]);
  status.forget();
  const next = executorStatusSchema.parse(status.say(whole.catalogue));
  assert.notEqual(next.catalogue, whole.catalogue);
  assert.equal(next.runtimes[0]?.available, false);
});

test('with an answer it says how full it is, and what is warm of the runtime that was asked for', () => {
  const { status, work } = start();
  work.running.add(Promise.resolve());
  const request = { runtime: 'python', version: '3.11.2' } as Parameters<typeof status.load>[0];
  const { catalogue } = executorStatusSchema.parse(status.say(undefined));
  assert.deepEqual(parseLoad(status.load(request)), {
    ...{ running: 1, maxRunning: 4, state: 'ready', catalogue, warm: 2 },
  });
  work.state = 'draining';
  assert.deepEqual(parseLoad(status.load()), {
    ...{ running: 1, maxRunning: 4, state: 'draining', catalogue, warm: undefined },
  });
});
