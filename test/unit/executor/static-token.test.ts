import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitsToken } from '../../../service/executor/static-token.ts';

test('one token is admitted, as it is, and nothing else', () => {
  const admits = admitsToken('secret');
  assert.equal(admits('Bearer secret'), true);
  for (const header of [
    undefined,
    '',
    'secret',
    'Bearer ',
    'Bearer secretx',
    'bearer secret',
    'Bearer secret ',
  ])
    assert.equal(admits(header), false, header);
});
