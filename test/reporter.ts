import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/**
 * A reporter for node --test: what fails with its details, what is skipped by name, what tests print, and a closing
 * line `N passed, N failed, N skipped`, which scripts/test-suite.ts sums.
 */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let files = 0;
  /** The tests of a suite that is skipped as a whole are counted nowhere. */
  let skippedSuites = 0;
  for await (const event of source) {
    switch (event.type) {
      case 'test:pass':
        if (event.data.skip !== undefined && event.data.skip !== false) {
          if (event.data.details.type === 'suite') skippedSuites++;
          yield `skipped: ${event.data.name}${typeof event.data.skip === 'string' ? `: ${event.data.skip}` : ''}\n`;
        } else if (event.data.todo !== undefined && event.data.todo !== false) {
          yield `skipped: ${event.data.name}: to do\n`;
        }
        break;
      case 'test:fail': {
        const { name, details, file, line } = event.data;
        // A suite fails because of a test in it, which has been told already.
        if ('failureType' in details.error && details.error.failureType === 'subtestsFailed') break;
        yield `✗ ${name} (${file ?? ''}:${line ?? ''})\n${indent(describe(details.error))}\n`;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield event.data.message;
        break;
      case 'test:summary': {
        const { counts, file, duration_ms: ms } = event.data;
        const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
        if (file !== undefined) {
          files++;
          const mark = failed > 0 ? '✗' : '✓';
          yield `${mark} ${file.replace(`${process.cwd()}/`, '')}: ${counts.tests} (${(ms / 1_000).toFixed(1)} s)\n`;
        } else {
          yield `in ${files} files\n${counts.passed} passed, ${failed} failed, ${counts.skipped + counts.todo + skippedSuites} skipped\n`;
        }
        break;
      }
    }
  }
}

/** Errors cross a process boundary wrapped: the cause is the test's own. */
const describe = (error: Error & { cause?: unknown }): string => {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack?.includes(cause.message) ? cause.stack : inspect(cause);
};

const indent = (text: string): string => text.replace(/^(?=.)/gm, '    ');
