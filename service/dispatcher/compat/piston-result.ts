import { constants } from 'node:os';
import type { ExecutionResult, Stage } from '../../contracts/execution.ts';
import { textOf } from './text.ts';

interface PistonStage {
  signal: string | null;
  stdout: string;
  stderr: string;
  code: number | null;
  output: string;
  memory: number | null;
  message: string | null;
  status: string | null;
  cpu_time: number;
  wall_time: number;
}

export interface PistonResult {
  run: PistonStage | undefined;
  compile: PistonStage | undefined;
  language: string;
  version: string;
}

export const pistonResult = (result: ExecutionResult): PistonResult => {
  const compile = result.compile && stageOf(result.compile);
  // Where compiling failed Piston repeats it as the run.
  return {
    run: result.run ? stageOf(result.run) : compile,
    compile,
    language: result.runtime,
    version: result.version,
  };
};

const stageOf = (stage: Stage): PistonStage => {
  const stdout = textOf(stage.stdout, stage.stdoutEncoding);
  const stderr = textOf(stage.stderr, stage.stderrEncoding);
  const verdict = verdictOf(stage);
  return {
    signal: verdict.killed ? 'SIGKILL' : stage.signal,
    stdout,
    stderr,
    code: verdict.killed ? null : stage.exitCode,
    // Two pipes do not tell in which order they were written to, so this is one after the other.
    output: stdout + stderr,
    memory: stage.memoryPeakBytes,
    message: verdict.message,
    status: verdict.status,
    cpu_time: Math.round(stage.cpuMs),
    wall_time: Math.round(stage.wallMs),
  };
};

interface Verdict {
  status: 'RE' | 'SG' | 'TO' | 'OL' | 'EL' | 'XX' | null;
  message: string | null;
  killed: boolean;
}

const verdictOf = (stage: Stage): Verdict => {
  switch (stage.outcome) {
    case 'ok':
      return { status: null, message: null, killed: false };
    case 'time-limit':
      return { status: 'TO', message: 'Time limit exceeded', killed: true };
    case 'output-limit':
      return stage.stdoutTruncated
        ? { status: 'OL', message: 'stdout length exceeded', killed: true }
        : { status: 'EL', message: 'stderr length exceeded', killed: true };
    case 'internal-error':
      return { status: 'XX', message: stage.message ?? 'Internal error', killed: false };
    case 'memory-limit':
      return { status: 'SG', message: signalMessage('SIGKILL'), killed: true };
    case 'nonzero-exit':
    case 'signal':
    case 'process-limit':
    case 'disk-limit':
      return stage.signal !== null
        ? { status: 'SG', message: signalMessage(stage.signal), killed: false }
        : { status: 'RE', message: `Exited with error status ${stage.exitCode}`, killed: false };
  }
};

const signalMessage = (signal: string): string => {
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return `Caught fatal signal ${number ?? signal}`;
};
