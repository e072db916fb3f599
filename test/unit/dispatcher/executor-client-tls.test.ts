import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TlsIdentity } from '../../../service/cluster/port.ts';
import { createExecutorClients, ExecutorLost } from '../../../service/dispatcher/executor-client.ts';
import { resultWith } from './fake-executor.ts';

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
})();
const skip = !hasOpenssl && 'no openssl on PATH';

/** A certificate of its own authority, made out to this name. */
const identityOf = (context: TestContext, name: string): TlsIdentity => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const about = ['-days', '1', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', [...made, ...about, '-keyout', 'key', '-out', 'cert'], {
    cwd: folder,
    stdio: 'pipe',
  });
  const [key, cert] = ['key', 'cert'].map((file) => readFileSync(join(folder, file), 'utf8'));
  assert.ok(key && cert);
  return { ca: cert, cert, key };
};

const serve = async (context: TestContext, identity: TlsIdentity, ca: string): Promise<string> => {
  const options = { ...identity, ca, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (_request, response) => {
    response.end(JSON.stringify(resultWith()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `https://127.0.0.1:${address.port}`;
};

test('both sides show a certificate of the part that they play, and take no other', {
  skip,
}, async (context) => {
  const executor = identityOf(context, 'executor.paddock');
  const dispatcher = identityOf(context, 'dispatcher.paddock');
  const stranger = identityOf(context, 'stranger.paddock');
  const clients = createExecutorClients();
  const execute = async (url: string, tls: TlsIdentity): Promise<unknown> => {
    const client = clients({ id: 'one', url, pool: 'default', authorization: () => 'x', tls });
    try {
      const request = { stream: false } as Parameters<typeof client.execute>[0];
      return await client.execute(request, new AbortController().signal);
    } finally {
      client.destroy();
    }
  };
  const trusting = (ca: TlsIdentity): TlsIdentity => ({ ...dispatcher, ca: ca.cert });
  const good = await serve(context, executor, dispatcher.cert);
  const other = await serve(context, stranger, dispatcher.cert);
  const known = trusting(executor);
  // Twice, since the second shares what was read for the first.
  for (let time = 0; time < 2; time++) assert.deepEqual(await execute(good, known), resultWith());
  await assert.rejects(execute(other, known), ExecutorLost, 'of another authority');
  await assert.rejects(execute(other, trusting(stranger)), ExecutorLost, 'made out to another name');
  await assert.rejects(
    execute(good, { ...stranger, ca: executor.cert }),
    ExecutorLost,
    'the server refuses it',
  );
});
