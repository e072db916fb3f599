import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { TlsIdentity } from '../../../service/cluster/port.ts';
import { dispatcherServerName, executorServerName } from '../../../service/contracts/cluster-api.ts';
import type { ExecutorStatus } from '../../../service/contracts/index.ts';
import { createExecutorServer } from '../../../service/executor/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

/** An authority that issues certificates made out to a name. */
const authority = (folder: string, name: string) => {
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8');
  openssl('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`);
  return (serverName: string): TlsIdentity => {
    const own = `${name}-${serverName}`;
    writeFileSync(join(folder, `${own}.ext`), `subjectAltName=DNS:${serverName}\n`);
    openssl('req', ...key, '-keyout', `${own}.key`, '-out', `${own}.csr`, '-subj', '/CN=x');
    const signer = ['-CA', `${name}.pem`, '-CAkey', `${name}.key`, '-CAcreateserial'];
    openssl('x509', '-req', '-in', `${own}.csr`, ...signer, '-out', `${own}.pem`, '-extfile', `${own}.ext`);
    return { ca: text(`${name}.pem`), cert: text(`${own}.pem`), key: text(`${own}.key`) };
  };
};

const started = async (context: TestContext) => {
  const folder = temporaryFolder(context);
  const issue = authority(folder, 'ours');
  const server = createExecutorServer(
    {
      admits: async (authorization) => authorization === 'Bearer good',
      tls: issue(executorServerName),
      bodyLimitBytes: 1_000,
      onInternalError: (error) => assert.fail(error),
    },
    {
      admit() {},
      execute: () => assert.fail('nothing is run here'),
      status: () => ({ id: 'x' }) as ExecutorStatus, // the server passes it on unseen
      load: () => '',
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { port } = address;
  const ask = async (options: object, authorization = 'Bearer good'): Promise<number | undefined> => {
    const outgoing = request({
      ...{ host: '127.0.0.1', port, path: '/status', agent: false, servername: executorServerName },
      ...{ ...options, headers: { authorization } },
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  return { ask, issue, folder };
};

describe('an executor with TLS', { skip }, () => {
  test('answers a dispatcher, whose token still counts', async (context) => {
    const { ask, issue } = await started(context);
    const dispatcher = issue(dispatcherServerName);
    assert.equal(await ask(dispatcher), 200);
    assert.equal(await ask({ ...dispatcher, maxVersion: 'TLSv1.2' }), 200);
    assert.equal(await ask(dispatcher, 'Bearer bad'), 401);
  });

  test('answers nobody without a certificate, with that of an executor or of another authority', async (context) => {
    const { ask, issue, folder } = await started(context);
    const dispatcher = issue(dispatcherServerName);
    const { ca } = dispatcher;
    await assert.rejects(ask({ ca }));
    await assert.rejects(ask(issue(executorServerName)));
    await assert.rejects(ask({ ...authority(folder, 'theirs')(dispatcherServerName), ca }));
    await assert.rejects(ask({ ...dispatcher, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
    assert.equal(await ask(dispatcher), 200, 'and goes on for the others');
  });
});
