import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { globMatcher } from '../../../../service/executor/sandbox/glob.ts';

const matches = (pattern: string, path: string): boolean => globMatcher([pattern])(path);

const cases: [pattern: string, matching: string[], other: string[]][] = [
  ['*.png', ['a.png', '.png', 'a.b.png', 'ü.png'], ['a.pngx', 'x/a.png', 'a.PNG', '']],
  ['report?.txt', ['report1.txt', 'report?.txt', 'report😀.txt'], ['report.txt', 'report12.txt']],
  ['a*b*c', ['abc', 'aXbYc', 'abbcc', 'abcbc'], ['ab', 'abcd', 'acb', 'a/b/c']],
  ['*', ['a', '.hidden'], ['a/b']],
  ['**', ['a', 'a/b', 'a/b/c'], []],
  ['out/**', ['out/a', 'out/a/b'], ['outer/a', 'x/out/a']],
  ['**/a', ['a', 'x/a', 'x/y/a'], ['xa', 'x/b']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'b', 'a']],
  ['**/**/x', ['x', 'a/x', 'a/b/c/x'], ['a']],
  ['a/*/c', ['a/b/c'], ['a/c', 'a/b/b/c']],
  ['./x', ['x'], ['./x', 'y']],
  ['././x', ['x'], []],
  ['', [''], ['a']],
  ['/x', [], ['x']],
  // Nothing but * and ? is special: names may hold any of these.
  ['[ab].{c,d}', ['[ab].{c,d}'], ['a.c']],
  ['a.c', ['a.c'], ['abc']],
  ['a+$^(|)\\', ['a+$^(|)\\'], ['aa$']],
  ['!x', ['!x'], ['x', 'y']],
];

describe('glob patterns', () => {
  for (const [pattern, matching, other] of cases) {
    test(`"${pattern}"`, () => {
      for (const path of matching) assert.equal(matches(pattern, path), true, `should match "${path}"`);
      for (const path of other) assert.equal(matches(pattern, path), false, `should not match "${path}"`);
    });
  }

  test('any of several patterns is enough, none of none', () => {
    const match = globMatcher(['*.a', 'x/*.b']);
    assert.deepEqual(['1.a', 'x/1.b', '1.b', 'x/1.a'].map(match), [true, true, false, false]);
    assert.equal(globMatcher([])('a'), false);
  });

  test('agree with a plain regular expression on small inputs', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 6 });
    const pattern = fc.array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 4 });
    const path = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 4,
    });
    /** Paths end in a slash here, so that `**` is any number of whole segments. */
    const expression = (segments: readonly string[]): RegExp =>
      new RegExp(
        `^${segments
          .map((s) => (s === '**' ? '(?:[^/]+/)*' : `${s.replaceAll('?', '[^/]').replace(/\*+/g, '[^/]*')}/`))
          .join('')}$`,
      );
    fc.assert(
      fc.property(pattern, path, (segments, names) => {
        assert.equal(
          matches(segments.join('/'), names.join('/')),
          expression(segments).test(`${names.join('/')}/`),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('hostile patterns take no longer than their length allows', () => {
    const started = performance.now();
    const name = 'a'.repeat(250);
    assert.equal(matches('*a'.repeat(100), `${name}b`), false);
    assert.equal(matches('*a'.repeat(100), name), true);
    assert.equal(matches(`${'*'.repeat(200)}b`, name), false);
    assert.equal(matches(`${'?*'.repeat(120)}b`, name), false);
    const deep = Array.from({ length: 32 }, () => name).join('/');
    assert.equal(matches(`${'**/'.repeat(60)}${'*a'.repeat(30)}b`, deep), false);
    assert.equal(matches(`${'**/*a*a*a/'.repeat(20)}b`, deep), false);
    // What backtracks takes hours here, this a few milliseconds: the bound only has to lie between.
    assert.ok(performance.now() - started < 5_000);
  });
});
