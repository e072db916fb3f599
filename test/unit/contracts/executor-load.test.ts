import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ExecutorLoad, formatLoad, parseLoad } from '../../../service/contracts/executor-load.ts';

const load: ExecutorLoad = { running: 3, maxRunning: 4, state: 'ready', catalogue: 'x-_9', warm: 2 };

test('the load of an executor is read as it was written', () => {
  for (const one of [load, { ...load, warm: undefined }, { ...load, warm: 0, state: 'draining' as const }])
    assert.deepEqual(parseLoad(formatLoad(one)), one);
  assert.equal(formatLoad(load), 'running=3;max=4;state=ready;catalogue=x-_9;warm=2');
});

test('one that makes no sense is as good as none', () => {
  const good = formatLoad(load);
  const bad = [
    undefined,
    ['a', 'b'],
    '',
    ` ${good}`,
    `${good};`,
    `${good}\n`,
    good.replace('3', '-3'),
    good.replace('3', '1e3'),
    good.replace('3', '99999999'),
    good.replace('ready', 'dead'),
    good.replace('x-_9', ''),
    good.replace('x-_9', '../x'),
    good.replace('x-_9', 'x'.repeat(65)),
  ];
  for (const text of bad) assert.equal(parseLoad(text), undefined, String(text));
  fc.assert(fc.property(fc.string(), (text) => parseLoad(text) === undefined));
});
