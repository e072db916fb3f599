import type { ExecutionResult, Stage } from '../../contracts/execution.ts';
import { decodeBytes } from '../run/program-files.ts';
import type { Sample } from './read-samples.ts';

/** What differs from the expectation, as lines for people; empty where the sample passed. */
export const compareSample = (sample: Sample, result: ExecutionResult): string[] => {
  const { expectation } = sample;
  const { compile } = result;
  const faults: string[] = [];
  const compileOutcome = expectation.compileOutcome ?? 'ok';
  if (compile && compile.outcome !== compileOutcome) {
    faults.push(`compilation: expected ${compileOutcome}, got ${describe(compile)}`, ...tailOf(compile));
  }
  if (!compile && expectation.compileOutcome) faults.push('compilation: there was none');
  if (compileOutcome !== 'ok' || faults.length > 0) return faults;
  if (result.tests) {
    return result.tests.flatMap((test) =>
      (test.passed ?? test.outcome === 'ok') ? [] : [`test ${test.name}: ${describe(test)}`, ...tailOf(test)],
    );
  }
  return result.run ? compareRun(sample, result.run) : ['it was not run'];
};

const compareRun = (sample: Sample, run: Stage): string[] => {
  const { expectation, expected } = sample;
  const faults: string[] = [];
  if (run.outcome !== expectation.outcome) {
    faults.push(`outcome: expected ${expectation.outcome}, got ${describe(run)}`, ...tailOf(run));
  }
  if (expectation.exitCode !== undefined && run.exitCode !== expectation.exitCode) {
    faults.push(`exit code: expected ${expectation.exitCode}, got ${run.exitCode}`);
  }
  const actual = decodeBytes(run.stdout, run.stdoutEncoding);
  if (expected && !expected.equals(actual)) faults.push(...difference(expected, actual));
  return faults;
};

const describe = (stage: Stage): string =>
  [
    stage.outcome,
    stage.outcome === 'nonzero-exit' ? `(exit code ${stage.exitCode})` : '',
    stage.signal ?? '',
    stage.message ?? '',
  ]
    .filter(Boolean)
    .join(' ');

const mostLines = 10;

const tailOf = (stage: Stage): string[] =>
  decodeBytes(stage.stderr, stage.stderrEncoding)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .slice(-mostLines)
    .map((line) => `  ${line}`);

/** The lines from the first that differs, `-` expected and `+` got. */
const difference = (expected: Buffer, actual: Buffer): string[] => {
  const [want, got] = [expected, actual].map((bytes) => bytes.toString('utf8').split('\n'));
  if (!want || !got) return [];
  let start = 0;
  while (start < want.length && start < got.length && want[start] === got[start]) start++;
  const mark = (sign: string, lines: string[]) => {
    const shown = lines.slice(start, start + mostLines).map((line) => `  ${sign} ${JSON.stringify(line)}`);
    const more = lines.length - start - mostLines;
    return more > 0 ? [...shown, `  ${sign} … ${more} more lines`] : shown;
  };
  return [`standard output differs from line ${start + 1} on:`, ...mark('-', want), ...mark('+', got)];
};
