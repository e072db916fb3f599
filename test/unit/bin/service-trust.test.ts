import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { generateLoad } from '../../../service/bin/autocannon-load.ts';
import { createServiceFetch, readServiceTrust } from '../../../service/bin/service-trust.ts';
import { createServiceClient } from '../../../service/cli/service-client.ts';
import { dispatcherServerName } from '../../../service/contracts/cluster-api.ts';
import { runtimesResponseSchema } from '../../../service/contracts/service.ts';
import { temporaryFolder } from '../executor/temporary-folder.ts';

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const makeAuthority = (folder: string, name: string): void => {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`];
  execFileSync('openssl', ['req', '-x509', ...newKey, ...files], { cwd: folder, stdio: 'pipe' });
};

/** A certificate of the authority `ours`. */
const issue = (folder: string, subjectAltName: string): { cert: string; key: string } => {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  writeFileSync(join(folder, 'own.ext'), `subjectAltName=${subjectAltName}\n`);
  openssl('req', ...newKey, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=x');
  const signer = ['-CA', 'ours.pem', '-CAkey', 'ours.key', '-CAcreateserial'];
  openssl('x509', '-req', '-in', 'own.csr', ...signer, '-out', 'own.pem', '-extfile', 'own.ext');
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return { cert: text('own.pem'), key: text('own.key') };
};

/** A service with a certificate for such names, and the command line's ways of asking it. */
const started = async (context: TestContext, subjectAltName: string) => {
  const folder = temporaryFolder(context);
  makeAuthority(folder, 'ours');
  makeAuthority(folder, 'theirs');
  writeFileSync(join(folder, 'text.pem'), 'no certificate');
  let asked = 0;
  const server = createServer(issue(folder, subjectAltName), (_request, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json').end('{"runtimes":[]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const url = `https://127.0.0.1:${address.port}`;
  const envOf = (ca: string | undefined) => ({ ...(ca && { PADDOCK_TLS_CA: ca }), PADDOCK_URL: url });
  return {
    asked: () => asked,
    /** As every command asks, with what of the command line has to do with it. */
    ask: async (ca: string | undefined) => {
      const env = envOf(ca);
      const cli = { env, cwd: folder, signal: context.signal, fetch: createServiceFetch(env, folder) };
      const client = await createServiceClient(cli, {});
      return client.get('/v1/runtimes', runtimesResponseSchema);
    },
    /** As `paddock bench` asks: until the first answer or fault. */
    load: async (ca: string) => {
      const end = new AbortController();
      const seen = { answers: 0, faults: [] as string[] };
      const order = {
        ...{ url: `${url}/v1/executions`, headers: {}, body: () => '{}', fixed: true, connections: 1 },
        ...{ durationMs: 20_000, perSecond: undefined, timeoutMs: 10_000, signal: end.signal },
        onAnswer: () => {
          seen.answers += 1;
          end.abort();
        },
        onFault: (error: Error) => {
          seen.faults.push(error.message);
          end.abort();
        },
      };
      await generateLoad(order, await readServiceTrust(envOf(ca), folder));
      return seen;
    },
  };
};

describe('a service with TLS', { skip }, () => {
  before(() => {
    // Set from outside, it would make Node take any certificate.
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  });

  test('is taken by its role or by its host, where PADDOCK_TLS_CA issued the certificate', async (context) => {
    for (const names of [`DNS:${dispatcherServerName}`, 'IP:127.0.0.1']) {
      const { ask } = await started(context, names);
      assert.deepEqual(await ask('ours.pem'), { runtimes: [] }, names);
    }
  });

  test('is refused with the certificate of another authority, or where none is named', async (context) => {
    const { ask, asked } = await started(context, `DNS:${dispatcherServerName},IP:127.0.0.1`);
    for (const ca of ['theirs.pem', undefined])
      await assert.rejects(ask(ca), /certificate of https:.* cannot be trusted: [\s\S]*PADDOCK_TLS_CA/);
    assert.equal(asked(), 0);
  });

  test('is refused under another name', async (context) => {
    const { ask, asked } = await started(context, 'DNS:executor.paddock');
    await assert.rejects(ask('ours.pem'), /cannot be trusted: .*127\.0\.0\.1[\s\S]*dispatcher\.paddock/);
    assert.equal(asked(), 0);
  });

  test('is not asked where the file of PADDOCK_TLS_CA is of no use', async (context) => {
    const { ask } = await started(context, `DNS:${dispatcherServerName}`);
    await assert.rejects(ask('none.pem'), /PADDOCK_TLS_CA, none\.pem: there is no such file/);
    await assert.rejects(ask('text.pem'), /PADDOCK_TLS_CA, text\.pem: it holds no certificate in PEM/);
  });

  test('gets no load of a benchmark unless its certificate is good', async (context) => {
    const role = `DNS:${dispatcherServerName}`;
    for (const [names, ca] of [
      [role, 'theirs.pem'],
      ['DNS:executor.paddock', 'ours.pem'],
    ] as const) {
      const { load, asked } = await started(context, names);
      const refused = await load(ca);
      assert.ok(refused.answers === 0 && refused.faults.length > 0);
      assert.equal(asked(), 0, 'nothing was sent');
    }
    const { load } = await started(context, role);
    const { answers, faults } = await load('ours.pem');
    assert.ok(answers > 0 && faults.length === 0, faults.join());
  });
});
