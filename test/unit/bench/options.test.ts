import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readOptions, UsageError } from '../../bench/options.ts';

const namesOf = (...args: string[]): string[] => readOptions(args).chosen.map(({ name }) => name);

describe('options of the benchmark', () => {
  test('all scenarios, or those named', () => {
    assert.ok(namesOf().includes('python-throughput-plain'));
    assert.deepEqual(namesOf('overhead', 'python-hello'), ['python-hello', 'overhead']);
  });

  test('against another system only what compares the two, unless named', () => {
    const against = ['--against', 'http://127.0.0.1:5050/', '--api', 'go-judge'];
    assert.deepEqual(namesOf(...against), ['python-against', 'javascript-against', 'cpp-against']);
    assert.deepEqual(namesOf(...against, 'python-against', 'overhead'), ['overhead', 'python-against']);
  });

  for (const [args, words] of [
    [['nothing'], /no scenario is named nothing; there are python-hello/],
    [['python-against'], /no scenario is named python-against/],
    [['--frob'], /--frob/],
    [['--url', 'here'], /--url "here" is not a URL/],
    [['--against', 'http://x'], /--against needs --api with one of piston, go-judge, judge0/],
    [['--against', 'http://x', '--api', 'docker'], /not docker/],
    [['--against', 'x', '--api', 'piston'], /--against "x" is not a URL/],
    [['--connections', '0'], /--connections "0" is not a whole number/],
    [['--api', 'piston'], /go with --against/],
    [['--token', 'x'], /--token goes with --url/],
    [['cpp-hello', '--svg', 'x.svg'], /--svg draws what overhead and python-throughput measure/],
  ] as const) {
    test(`"${args.join(' ')}" is a mistake`, () => {
      assert.throws(
        () => readOptions(args),
        (error) => error instanceof UsageError && words.test(error.message),
      );
    });
  }
});
