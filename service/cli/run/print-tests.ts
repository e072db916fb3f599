import { styleText } from 'node:util';
import type { TestResult } from '../../contracts/execution.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../table.ts';
import { describeEnd } from './print-result.ts';
import { decodeBytes } from './program-files.ts';

/** One line a test, and of the failed ones what they wrote. */
export const printTests = (context: CliContext, tests: readonly TestResult[]): void => {
  const paint = (colour: 'green' | 'red', text: string) =>
    context.colours ? styleText(colour, text, { validateStream: false }) : text;
  let passed = 0;
  for (const test of tests) {
    const good = test.passed ?? test.outcome === 'ok';
    if (good) passed++;
    const mark = good ? paint('green', '✓') : paint('red', '✗');
    context.stdout.write(`${mark} ${test.name} (${formatDuration(test.wallMs)})\n`);
    if (good) continue;
    const end = describeEnd(test, 'the program');
    if (end) context.stdout.write(`    ${end}\n`);
    if (test.outcome === 'nonzero-exit') context.stdout.write(`    exit code ${test.exitCode}\n`);
    printIndented(context, 'standard output', decodeBytes(test.stdout, test.stdoutEncoding));
    printIndented(context, 'standard error', decodeBytes(test.stderr, test.stderrEncoding));
  }
  context.stdout.write(`${passed} of ${tests.length} passed\n`);
};

const mostLines = 20;

const printIndented = (context: CliContext, title: string, bytes: Buffer): void => {
  if (bytes.length === 0) return;
  const lines = bytes.toString('utf8').trimEnd().split('\n');
  const shown = lines.slice(0, mostLines).map((line) => `      ${line}`);
  if (lines.length > mostLines) shown.push(`      … ${lines.length - mostLines} more lines`);
  context.stdout.write(`    ${title}:\n${shown.join('\n')}\n`);
};
