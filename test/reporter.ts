import type { TestEvent } from 'node:test/reporters';

/**
 * A reporter for node --test: a line a file, details of failures only, each skip by name, and a closing line that
 * scripts/test-suite.ts sums.
 */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for await (const event of source) {
    if (event.type === 'test:diagnostic' || event.type === 'test:start') continue;
    if (event.type === 'test:stderr' || event.type === 'test:stdout') yield event.data.message;
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { data } = event;
    // A suite and a file only sum up what is in them, unless they fail by themselves.
    const { type, error } = 'details' in data ? data.details : { type: undefined };
  }
}
