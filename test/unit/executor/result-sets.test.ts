import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultLimits } from '../../../service/contracts/index.ts';
import { createResultSetReader } from '../../../service/executor/result-sets.ts';
import type { ReadBack, ReadBudget } from '../../../service/executor/sandbox/port.ts';
import { fakeSandbox, sandboxSpec } from './fake-sandbox.ts';

const PATH = '.paddock/result-sets.json';
const set = {
  statement: 1,
  file: 'main.sql',
  line: 1,
  command: 'SELECT 1',
  columns: [{ name: 'a', type: 'integer' }],
  rows: [[1], ['x'], [true], [null]],
  rowCount: 4,
};
const holding = (content: string | Buffer): ReadBack => ({
  files: [{ name: PATH, content: Buffer.from(content) }],
  omitted: [],
});
const readOf = (back: ReadBack, budgets: ReadBudget[] = []) =>
  fakeSandbox(sandboxSpec('sql'), {
    async read(patterns, budget) {
      assert.deepEqual(patterns, [PATH]);
      budgets.push(budget);
      return back;
    },
  });

describe('result sets', () => {
  test('are what the program left, where the runtime has such a file', async () => {
    const back = holding(JSON.stringify([set]));
    assert.deepEqual(await createResultSetReader(PATH, defaultLimits)(readOf(back)), { resultSets: [set] });
    assert.deepEqual(await createResultSetReader(undefined, defaultLimits)(readOf(back)), {});
  });

  const faults: readonly (readonly [string, ReadBack, RegExp])[] = [
    ['is absent', { files: [], omitted: [] }, /left none/],
    ['is a link', { files: [], omitted: [{ name: PATH, reason: 'not a regular file' }] }, /regular/],
    ['is no JSON', holding('[{'), /JSON/],
    ['is not UTF-8', holding(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), /UTF-8/],
    ['nests without end', holding('['.repeat(200_000)), /JSON/],
    ['has cells that are no values', holding(JSON.stringify([{ ...set, rows: [[[1]]] }])), /shape/],
    ['has more than result sets have', holding(JSON.stringify([{ ...set, more: 1 }])), /shape/],
  ];
  for (const [title, back, reason] of faults) {
    test(`are left out, with a reason, where the file ${title}`, async () => {
      const { resultSets, resultSetsOmitted } = await createResultSetReader(
        PATH,
        defaultLimits,
      )(readOf(back));
      assert.equal(resultSets, undefined);
      assert.match(resultSetsOmitted ?? '', reason);
    });
  }

  test('are bounded by the output limit, and all of one execution together', async () => {
    const budgets: ReadBudget[] = [];
    const read = createResultSetReader(PATH, { ...defaultLimits, outputBytes: 4 * 1024 * 1024 });
    const large = JSON.stringify([{ ...set, command: 'x'.repeat(9 * 1024 * 1024) }]);
    for (let round = 0; round < 2; round++) await read(readOf(holding(large), budgets));
    const [first, second] = budgets.map(({ maxBytes }) => maxBytes);
    assert.equal(first, 16 * 1024 * 1024);
    assert.equal(second, 16 * 1024 * 1024 - large.length);
    const small = createResultSetReader(PATH, defaultLimits);
    await small(readOf(holding('[]'), budgets));
    assert.equal(budgets[2]?.maxBytes, defaultLimits.outputBytes * 4);
  });
});
