import type { Stage, TestCase } from '../contracts/index.ts';

const withoutTrailingSpace = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();

/** Whether a run gave what its test expects, white space at line ends and at the end aside; null where it names nothing. */
export const passes = (test: TestCase, stage: Stage): boolean | null => {
  if (test.expectedStdout === undefined) return null;
  return (
    stage.outcome === 'ok' &&
    stage.stdoutEncoding === 'utf8' &&
    withoutTrailingSpace(stage.stdout) === withoutTrailingSpace(test.expectedStdout)
  );
};
