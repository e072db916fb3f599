import { constants } from 'node:os';
import type { Limits, Outcome, Stage } from '../contracts/index.ts';
import { toWire, truncatedToWire } from './output.ts';
import type { Ended } from './sandbox/port.ts';

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
// os.constants has both names of a number; the ones people know come first.
for (const name of ['SIGABRT', 'SIGIO', 'SIGCHLD'] as const) signalNames.set(constants.signals[name], name);

export const signalName = (signal: number | null): string | null =>
  signal === null ? null : (signalNames.get(signal) ?? `SIG${signal}`);

interface Judgement {
  readonly outcome: Outcome;
  readonly message?: string;
}

/**
 * The one outcome of a program that ended, from the facts. What killed it comes first, then what the kernel counted
 * while it ran, then its own exit.
 */
export const judge = (ended: Ended, limits: Limits, wallMs: number): Judgement => {
  switch (ended.reason) {
    case 'lost':
      return { outcome: 'internal-error', message: ended.fault ?? 'the sandbox was lost' };
    case 'cancelled':
      return { outcome: 'internal-error', message: 'cancelled' };
    case 'wall-time':
      return { outcome: 'time-limit', message: `ran longer than ${wallMs} ms` };
    case 'cpu-time':
      return { outcome: 'time-limit', message: `used more than ${limits.cpuMs} ms of CPU time` };
    case 'output':
      return outputLimit(limits);
    case 'exit':
      // The last of the output may be read only after the exit.
      return ended.stdoutTruncated || ended.stderrTruncated ? outputLimit(limits) : judgeExit(ended, limits);
  }
};

const outputLimit = (limits: Limits): Judgement => ({
  outcome: 'output-limit',
  message: `wrote more than ${limits.outputBytes} bytes`,
});

const judgeExit = (ended: Ended, limits: Limits): Judgement => {
  const failed = ended.signal !== null || ended.exitCode !== 0;
  if (ended.outOfMemory)
    return { outcome: 'memory-limit', message: `used more than ${limits.memoryMb} MiB of memory` };
  if (ended.signal === constants.signals.SIGXCPU) {
    return { outcome: 'time-limit', message: `used more than ${limits.cpuMs} ms of CPU time` };
  }
  if (ended.signal === constants.signals.SIGXFSZ) {
    return { outcome: 'disk-limit', message: `wrote a file of more than ${limits.fileMb} MiB` };
  }
  if (ended.scratchFull) {
    return {
      outcome: 'disk-limit',
      message: `filled the scratch space of ${limits.scratchMb} MiB and ${limits.scratchFiles} files`,
    };
  }
  if (ended.processLimitHit && failed) {
    return {
      outcome: 'process-limit',
      message: `tried to have more than ${limits.processes} processes and threads`,
    };
  }
  if (ended.signal !== null) return { outcome: 'signal', message: `ended by ${signalName(ended.signal)}` };
  return failed ? { outcome: 'nonzero-exit' } : { outcome: 'ok' };
};

const round = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000;

/** A stage of the answer from the facts. `limits` and `wallMs` are those it ran under. */
export const toStage = (ended: Ended, limits: Limits, wallMs: number): Stage => {
  const { outcome, message } = judge(ended, limits, wallMs);
  const stdout = ended.stdoutTruncated ? truncatedToWire(ended.stdout) : toWire(ended.stdout);
  const stderr = ended.stderrTruncated ? truncatedToWire(ended.stderr) : toWire(ended.stderr);
  return {
    outcome,
    exitCode: ended.exitCode,
    signal: ended.exitCode === null ? signalName(ended.signal) : null,
    stdout: stdout.content,
    stdoutEncoding: stdout.encoding,
    stdoutTruncated: ended.stdoutTruncated,
    stderr: stderr.content,
    stderrEncoding: stderr.encoding,
    stderrTruncated: ended.stderrTruncated,
    cpuMs: round(ended.cpuMs),
    wallMs: round(ended.wallMs),
    memoryPeakBytes: ended.memoryPeakBytes,
    message,
  };
};
