import { constants } from 'node:os';
import type { ExecutionResult, Outcome, OutputEvent, Stage } from '../../contracts/execution.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, formatDuration } from '../table.ts';
import { decodeBytes } from './program-files.ts';

/** Exit codes as a shell has them: 124 like timeout(1), 137 as after the kernel's out-of-memory kill, 128+n for signals. */
export const exitCodeOf = (stage: Pick<Stage, 'outcome' | 'exitCode' | 'signal'>): number => {
  switch (stage.outcome) {
    case 'ok':
      return 0;
    case 'nonzero-exit':
      return stage.exitCode ?? 1;
    case 'signal':
      return 128 + signalNumber(stage.signal);
    case 'time-limit':
      return 124;
    case 'memory-limit':
      return 137;
    default:
      return 125;
  }
};

const signalNumber = (name: string | null): number =>
  Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0;

/** The exit code of the whole: a failed compilation is 1, a failed test 1, otherwise the program's own. */
export const exitCodeOfResult = (result: ExecutionResult): number => {
  if (result.compile && result.compile.outcome !== 'ok') {
    return result.compile.outcome === 'internal-error' ? 125 : 1;
  }
  if (result.tests) {
    if (result.tests.some((test) => test.outcome === 'internal-error')) return 125;
    return result.tests.every((test) => test.passed ?? test.outcome === 'ok') ? 0 : 1;
  }
  return result.run ? exitCodeOf(result.run) : 125;
};

const limitWords: Partial<Record<Outcome, string>> = {
  'time-limit': 'ran out of time',
  'memory-limit': 'used more memory than it may',
  'output-limit': 'wrote more output than it may',
  'process-limit': 'started more processes than it may',
  'disk-limit': 'wrote more to its files than it may',
  'internal-error': 'could not be run, through no fault of its own',
};

const advice: Partial<Record<Outcome, string>> = {
  'time-limit': '--time 30s gives it more',
  'memory-limit': '--memory 512 gives it more',
  'output-limit': '--limit outputBytes=1048576 gives it more',
  'process-limit': '--limit processes=128 gives it more',
  'disk-limit': '--limit scratchMb=128 or scratchFiles gives it more',
};

/** What ended a stage, for people; undefined where its exit code tells it all. */
export const describeEnd = (stage: Stage, who: string): string | undefined => {
  if (stage.outcome === 'ok' || stage.outcome === 'nonzero-exit') return undefined;
  if (stage.outcome === 'signal') return `${who} was ended by ${stage.signal ?? 'a signal'}`;
  const used =
    stage.outcome === 'memory-limit' && stage.memoryPeakBytes !== null
      ? ` (${formatBytes(stage.memoryPeakBytes)} at its peak)`
      : stage.outcome === 'time-limit'
        ? ` (stopped after ${formatDuration(stage.wallMs)}, ${formatDuration(stage.cpuMs)} of CPU time)`
        : '';
  const message = stage.message ? `: ${stage.message}` : '';
  const hint = who === 'the program' && advice[stage.outcome] ? `; ${advice[stage.outcome]}` : '';
  return `${who} ${limitWords[stage.outcome]}${used}${message}${hint} [${stage.outcome}]`;
};

/** Prints a program's output: its bytes as they are on the streams they belong to, everything of ours on stderr. */
export const createResultPrinter = (context: CliContext) => {
  let openLine = false;
  const toStderr = (bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    context.stderr.write(bytes);
    openLine = bytes.at(-1) !== 0x0a;
  };
  const note = (text: string) => {
    context.stderr.write(`${openLine ? '\n' : ''}paddock: ${text}\n`);
    openLine = false;
  };
  const noteCuts = (stage: Stage) => {
    if (stage.stdoutTruncated) note('standard output was cut at its limit');
    if (stage.stderrTruncated) note('standard error was cut at its limit');
  };

  const printCompile = (stage: Stage) => {
    toStderr(decodeBytes(stage.stdout, stage.stdoutEncoding));
    toStderr(decodeBytes(stage.stderr, stage.stderrEncoding));
  };

  return {
    /** One piece of a stream, while the program runs. What a compiler prints goes to stderr. */
    piece(event: OutputEvent): void {
      const bytes = decodeBytes(event.content, event.encoding);
      if (event.stage === 'run' && event.stream === 'stdout') context.stdout.write(bytes);
      else toStderr(bytes);
    },
    /** `outputSeen`: the pieces were printed as they came, so only what is to be said about them is left. */
    result(result: ExecutionResult, outputSeen: boolean): void {
      const { compile, run } = result;
      if (compile) {
        if (!outputSeen) printCompile(compile);
        if (compile.outcome !== 'ok') {
          note(describeEnd(compile, 'the compiler') ?? 'the program does not compile');
          return;
        }
      }
      if (run) {
        if (!outputSeen) {
          context.stdout.write(decodeBytes(run.stdout, run.stdoutEncoding));
          toStderr(decodeBytes(run.stderr, run.stderrEncoding));
        }
        noteCuts(run);
        const end = describeEnd(run, 'the program');
        if (end) note(end);
      }
      for (const omitted of result.outputsOmitted ?? []) {
        note(`${omitted.name} was not given back: ${omitted.reason}`);
      }
    },
  };
};
