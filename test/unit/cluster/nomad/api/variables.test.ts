import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeNomad, text } from './fake-nomad.ts';

const lock = { ttlMs: 10_000, delayMs: 1_000 };

test('reads a variable, or says that there is none', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('variable', 'variable-none');
  const found = await nomad.api.variables.get('paddock/signing-key');
  assert.deepEqual(found?.Items, { key: 'a' });
  assert.ok(found && found.ModifyIndex > 0);
  assert.equal(await nomad.api.variables.get('paddock/none'), undefined);
  assert.equal(nomad.received[0]?.path, '/v1/var/paddock/signing-key');
});

test('writes a variable by check-and-set, and says when it lost or it is locked', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('variable-put', 'variable-put-lost', 'variable-put-locked');
  const put = () => nomad.api.variables.put('paddock/signing-key', { key: 'a' }, 0);
  assert.deepEqual([await put(), await put(), await put()], [true, false, false]);
  const [request] = nomad.received;
  assert.equal(`${request?.method} ${request?.path}`, 'PUT /v1/var/paddock/signing-key');
  assert.deepEqual(request?.query, { namespace: 'default', cas: '0' });
  assert.deepEqual(request?.body, { Path: 'paddock/signing-key', Items: { key: 'a' } });
});

test('takes a lock, or says that somebody else has it', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('lock-acquire', 'lock-held');
  const acquire = () => nomad.api.variables.acquire('paddock/leader', { url: 'a' }, lock);
  assert.match((await acquire()) ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(await acquire(), undefined);
  const [request] = nomad.received;
  assert.deepEqual(request?.query, { namespace: 'default', 'lock-acquire': '' });
  assert.deepEqual(request?.body, {
    Path: 'paddock/leader',
    Items: { url: 'a' },
    Lock: { TTL: '10000ms', LockDelay: '1000ms' },
  });
});

test('writes under a lock that it has already', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('lock-acquire');
  await nomad.api.variables.acquire('paddock/leader', { beat: '1' }, { ...lock, id: 'l-1' });
  assert.deepEqual(nomad.received[0]?.body, {
    Path: 'paddock/leader',
    Items: { beat: '1' },
    Lock: { TTL: '10000ms', LockDelay: '1000ms', ID: 'l-1' },
  });
});

test('rejects a lock without an id rather than lead without one', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('variable');
  await assert.rejects(
    nomad.api.variables.acquire('paddock/leader', {}, lock),
    /without saying the lock's id/,
  );
});

test('renews a lock, and says when it is lost, with its variable too', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('lock-renew', 'lock-lost', 'variable-none');
  const renew = () => nomad.api.variables.renew('paddock/leader', 'l-1');
  assert.deepEqual([await renew(), await renew(), await renew()], [true, false, false]);
  assert.deepEqual(nomad.received[0]?.query, { namespace: 'default', 'lock-renew': '' });
  assert.deepEqual(nomad.received[0]?.body, { Path: 'paddock/leader', Lock: { ID: 'l-1' } });
});

test('releases a lock, and is content where it is gone or taken', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('lock-release', 'lock-release-gone', 'lock-lost', text(500, "variable doesn't exist"));
  for (let i = 0; i < 4; i++) await nomad.api.variables.release('paddock/leader', 'l-1');
  assert.equal(nomad.received.length, 4);
  assert.deepEqual(nomad.received[0]?.query, { namespace: 'default', 'lock-release': '' });
});

test('tells any other failure to release', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply(text(500, 'raft apply failed'));
  await assert.rejects(nomad.api.variables.release('paddock/leader', 'l-1'), /raft apply failed/);
});
