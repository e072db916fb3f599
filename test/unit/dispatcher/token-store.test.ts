import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultMaxLimits } from '../../../service/contracts/limits.ts';
import { createToken, hashToken, tokenPattern } from '../../../service/contracts/token.ts';
import { createTokenStore } from '../../../service/dispatcher/tenants/token-store.ts';
import { createHandClock } from '../hand-clock.ts';

const entry = (tenant: string, token: string) => ({
  tenant,
  tokenHash: hashToken(token),
  createdAt: '2026-01-01T00:00:00.000Z',
});

const setUp = async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'paddock-tokens-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'tokens.json');
  const clock = createHandClock();
  const errors: string[] = [];
  const log = { error: (_fields: object, message: string) => void errors.push(message) };
  return {
    path,
    clock,
    errors,
    open: () => createTokenStore({ path, clock, log, maxLimits: defaultMaxLimits }),
  };
};

test('a token is 32 random bytes, and only its hash is kept', () => {
  const token = createToken(randomBytes);
  assert.match(token, tokenPattern);
  assert.match(hashToken(token), /^[0-9a-f]{64}$/);
});

test('the file is read again when it changed', async (t) => {
  const { path, clock, open } = await setUp(t);
  const [first, second] = [createToken(randomBytes), createToken(randomBytes)];
  const store = open();
  assert.equal(store.required(), false);
  await writeFile(path, JSON.stringify({ tokens: [entry('one', first)] }));
  clock.advance(1_000);
  assert.equal(store.required(), true);
  assert.equal(store.find(first)?.name, 'one');
  assert.equal(store.find(second), undefined);
  assert.equal(store.find('pdk_'), undefined);
  assert.equal(store.find(''), undefined);
  await writeFile(path, JSON.stringify({ tokens: [entry('one', first), entry('two', second)] }));
  clock.advance(1_000);
  assert.equal(store.find(second)?.name, 'two');
});

test('revoking the last token does not open the service', async (t) => {
  const { path, clock, open } = await setUp(t);
  const token = createToken(randomBytes);
  await writeFile(path, JSON.stringify({ tokens: [entry('one', token)] }));
  const store = open();
  await writeFile(path, JSON.stringify({ tokens: [] }));
  clock.advance(1_000);
  assert.equal(store.find(token), undefined);
  assert.equal(store.required(), true);
});

test('a broken file stops the start, and later changes nothing', async (t) => {
  const { path, clock, open, errors } = await setUp(t);
  await writeFile(path, '{"tokens":[{"tenant":"X"}]}');
  assert.throws(open, /tokens\.0\.tenant/);
  const token = createToken(randomBytes);
  await writeFile(path, JSON.stringify({ tokens: [entry('one', token)] }));
  const store = open();
  await writeFile(path, 'not JSON at all');
  clock.advance(1_000);
  assert.equal(store.find(token)?.name, 'one');
  assert.equal(errors.length, 1);
});
