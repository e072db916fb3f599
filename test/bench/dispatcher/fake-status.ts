import type { ExecutorResult, ExecutorStatus } from '../../../service/contracts/executor-api.ts';
import { defaultLimits } from '../../../service/contracts/limits.ts';
import type { RuntimeInfo } from '../../../service/contracts/runtime.ts';

export const fakeVersion = '3.11.2';

const runtime = (name: string): RuntimeInfo => ({
  name,
  title: name,
  version: fakeVersion,
  aliases: [`${name}-alias`, `${name}3`],
  extensions: ['.py'],
  fileName: 'main.py',
  available: true,
  compiled: false,
  startedAhead: true,
  limits: defaultLimits,
  capabilities: [],
});

/** What a fake executor says of itself; it is as much as a real one says. */
export const fakeStatus = (id: string, runtimes: readonly string[], ready = 2): ExecutorStatus => ({
  id,
  node: 'here',
  state: 'ready',
  startedAt: '2026-01-01T00:00:00.000Z',
  capabilities: [],
  runtimes: runtimes.map(runtime),
  running: 0,
  maxRunning: 64,
  warm: runtimes.map((name) => ({
    ...{ runtime: name, version: fakeVersion, stage: 'run' as const },
    ...{ ready, creating: 0, target: ready },
  })),
  warmBytes: 0,
  warmBudgetBytes: 0,
  rssBytes: 0,
  isolation: { sandbox: 'none', cgroup: 'none', distinctUids: false, seccomp: false, weaker: [] },
  counters: {
    executions: 0,
    sandboxesCreated: 0,
    sandboxesFailed: 0,
    sandboxesForked: 0,
    forkFallbacks: 0,
    warmHits: 0,
    warmMisses: 0,
    internalErrors: 0,
  },
});

export const fakeResult = (runMs: number, warm: boolean): ExecutorResult => ({
  run: {
    outcome: 'ok',
    exitCode: 0,
    signal: null,
    stdout: 'hello\n',
    stdoutEncoding: 'utf8',
    stdoutTruncated: false,
    stderr: '',
    stderrEncoding: 'utf8',
    stderrTruncated: false,
    cpuMs: 9.87,
    wallMs: runMs,
    memoryPeakBytes: 3_500_000,
  },
  outputs: [],
  warm,
  timings: { preparedMs: 0, compileMs: 0, runMs, collectMs: 0, totalMs: runMs },
});
