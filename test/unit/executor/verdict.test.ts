import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { defaultLimits, type Outcome, outcomeSchema, stageSchema } from '../../../service/contracts/index.ts';
import type { Ended } from '../../../service/executor/sandbox/port.ts';
import { judge, signalName, toStage } from '../../../service/executor/verdict.ts';
import { ended } from './fake-sandbox.ts';

const { SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ } = constants.signals;
const killed = (signal: number): Partial<Ended> => ({ exitCode: null, signal });
const everything = { outOfMemory: true, scratchFull: true, processLimitHit: true };

const cases: [what: string, facts: Partial<Ended>, outcome: Outcome, message?: RegExp][] = [
  ['exit 0', {}, 'ok'],
  ['exit 1', { exitCode: 1 }, 'nonzero-exit'],
  ['exit 137 is an exit, not a SIGKILL', { exitCode: 137 }, 'nonzero-exit'],
  ['SIGKILL', killed(SIGKILL), 'signal', /SIGKILL/],
  ['SIGSEGV', killed(SIGSEGV), 'signal', /SIGSEGV/],
  ['SIGXCPU', killed(SIGXCPU), 'time-limit', /10000 ms of CPU/],
  ['SIGXFSZ', killed(SIGXFSZ), 'disk-limit', /file of more than 64 MiB/],
  ['exit 152, which shells use for SIGXCPU', { exitCode: 152 }, 'nonzero-exit'],
  ['out of memory, killed', { ...killed(SIGKILL), outOfMemory: true }, 'memory-limit', /256 MiB/],
  ['out of memory in a child, exit 0', { outOfMemory: true }, 'memory-limit'],
  ['a full scratch space, failed', { exitCode: 1, scratchFull: true }, 'disk-limit', /64 MiB and 4096 files/],
  ['a full scratch space, nobody noticed', { scratchFull: true }, 'disk-limit'],
  ['too many processes, failed', { exitCode: 1, processLimitHit: true }, 'process-limit', /64 processes/],
  ['too many processes, killed', { ...killed(SIGKILL), processLimitHit: true }, 'process-limit'],
  ['too many processes, but it coped', { processLimitHit: true }, 'ok'],
  ['wall time', { reason: 'wall-time', ...killed(SIGKILL) }, 'time-limit', /longer than 3000 ms/],
  ['CPU time', { reason: 'cpu-time', ...killed(SIGKILL) }, 'time-limit', /10000 ms of CPU/],
  ['output', { reason: 'output', ...killed(SIGKILL) }, 'output-limit', /262144 bytes/],
  ['cancelled', { reason: 'cancelled', ...killed(SIGKILL) }, 'internal-error', /cancelled/],
  ['lost', { reason: 'lost', fault: 'init went away' }, 'internal-error', /init went away/],
  ['lost, nobody knows why', { reason: 'lost' }, 'internal-error', /lost/],
];

describe('the outcome of a program', () => {
  for (const [what, facts, outcome, message] of cases) {
    test(`${what}: ${outcome}`, () => {
      const judgement = judge(ended(facts), defaultLimits, 3_000);
      assert.equal(judgement.outcome, outcome);
      if (message) assert.match(judgement.message ?? '', message);
    });
  }

  test('every outcome is reached', () => {
    assert.deepEqual(new Set(cases.map(([, , outcome]) => outcome)), new Set(outcomeSchema.options));
  });

  test('why we killed it goes before what the kernel counted', () => {
    for (const [reason, outcome] of [
      ['wall-time', 'time-limit'],
      ['cpu-time', 'time-limit'],
      ['output', 'output-limit'],
      ['cancelled', 'internal-error'],
      ['lost', 'internal-error'],
    ] as const) {
      assert.equal(judge(ended({ reason, ...everything }), defaultLimits, 1).outcome, outcome);
    }
  });

  test('memory goes before CPU time, disk and processes, and disk before processes', () => {
    const of = (facts: Partial<Ended>) => judge(ended(facts), defaultLimits, 1).outcome;
    assert.equal(of({ ...killed(SIGXCPU), ...everything }), 'memory-limit');
    assert.equal(of({ ...killed(SIGXCPU), ...everything, outOfMemory: false }), 'time-limit');
    assert.equal(of({ exitCode: 1, ...everything, outOfMemory: false }), 'disk-limit');
  });
});

describe('a stage of the answer', () => {
  test('holds exit code or signal, rounded times, and passes the schema', () => {
    const stage = toStage(ended({ exitCode: 3, cpuMs: 1.23456, wallMs: 2.0004 }), defaultLimits, 1);
    assert.deepEqual(stageSchema.parse(stage), {
      outcome: 'nonzero-exit',
      exitCode: 3,
      signal: null,
      stdout: '',
      stdoutEncoding: 'utf8',
      stdoutTruncated: false,
      stderr: '',
      stderrEncoding: 'utf8',
      stderrTruncated: false,
      cpuMs: 1.235,
      wallMs: 2,
      memoryPeakBytes: 1,
      message: undefined,
    });
    assert.equal(toStage(ended(killed(SIGSEGV)), defaultLimits, 1).signal, 'SIGSEGV');
    assert.equal(toStage(ended(killed(SIGSEGV)), defaultLimits, 1).exitCode, null);
  });

  test('drops a character only where our own cut broke it', () => {
    const euro = Buffer.from('a€').subarray(0, 3);
    const cut = toStage(ended({ stdout: euro, stdoutTruncated: true }), defaultLimits, 1);
    assert.deepEqual([cut.stdout, cut.stdoutEncoding], ['a', 'utf8']);
    const whole = toStage(ended({ stderr: euro }), defaultLimits, 1);
    assert.deepEqual([whole.stderr, whole.stderrEncoding], [euro.toString('base64'), 'base64']);
  });

  test('signals have the names people know, and real-time ones a number', () => {
    assert.equal(signalName(null), null);
    assert.equal(signalName(6), 'SIGABRT');
    assert.equal(signalName(17), 'SIGCHLD');
    assert.equal(signalName(29), 'SIGIO');
    assert.equal(signalName(9), 'SIGKILL');
    assert.equal(signalName(34), 'SIG34');
  });
});
