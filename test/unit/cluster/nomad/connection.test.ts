import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NomadConnectionError, readNomadConnection } from '../../../../service/cluster/nomad/connection.ts';

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readNomadConnection(env);
  } catch (error) {
    if (error instanceof NomadConnectionError) return error.faults;
    throw error;
  }
  return [];
};

test("is Nomad's own default where nothing is said, or only in empty variables", () => {
  const expected = {
    address: 'http://127.0.0.1:4646',
    url: 'http://127.0.0.1:4646',
    socketPath: undefined,
    token: undefined,
    namespace: 'default',
    region: undefined,
    tls: undefined,
  };
  assert.deepEqual(readNomadConnection({}), expected);
  const empty = { NOMAD_ADDR: '', NOMAD_TOKEN: ' ', NOMAD_NAMESPACE: '', NOMAD_REGION: '', NOMAD_CACERT: '' };
  assert.deepEqual(readNomadConnection(empty), expected);
});

test('reads everything of an https address', () => {
  const connection = readNomadConnection({
    NOMAD_ADDR: 'https://nomad.example:4646/behind/',
    NOMAD_TOKEN: 'secret\n',
    NOMAD_NAMESPACE: 'apps',
    NOMAD_REGION: 'eu',
    NOMAD_CACERT: '/ca.pem',
    NOMAD_CAPATH: '/cas',
    NOMAD_CLIENT_CERT: '/cert.pem',
    NOMAD_CLIENT_KEY: '/key.pem',
    NOMAD_TLS_SERVER_NAME: 'server.eu.nomad',
    NOMAD_SKIP_VERIFY: '1',
  });
  assert.deepEqual(connection, {
    address: 'https://nomad.example:4646/behind/',
    url: 'https://nomad.example:4646/behind',
    socketPath: undefined,
    token: 'secret',
    namespace: 'apps',
    region: 'eu',
    tls: {
      caFile: '/ca.pem',
      caFolder: '/cas',
      client: { certFile: '/cert.pem', keyFile: '/key.pem' },
      serverName: 'server.eu.nomad',
      verify: false,
    },
  });
  assert.ok(Object.isFrozen(connection));
});

test('reads the socket of the task API', () => {
  const { url, socketPath, tls } = readNomadConnection({ NOMAD_ADDR: 'unix:///secrets/api.sock' });
  assert.deepEqual([url, socketPath, tls], ['http://127.0.0.1', '/secrets/api.sock', undefined]);
});

test('checks certificates unless told otherwise', () => {
  const env = { NOMAD_ADDR: 'https://127.0.0.1:4646' };
  assert.equal(readNomadConnection(env).tls?.verify, true);
  assert.equal(readNomadConnection({ ...env, NOMAD_SKIP_VERIFY: 'false' }).tls?.verify, true);
});

test('works in one namespace where every one is named', () => {
  assert.equal(readNomadConnection({ NOMAD_NAMESPACE: '*' }).namespace, 'default');
});

for (const address of [
  '127.0.0.1:4646',
  'nonsense',
  'ftp://a',
  'unix://',
  'unix://api.sock',
  'http://a?b=c',
]) {
  test(`refuses the address ${address}`, () => {
    const [fault, ...others] = faultsOf({ NOMAD_ADDR: address });
    assert.match(fault ?? '', /^NOMAD_ADDR: /);
    assert.equal(others.length, 0);
  });
}

test('does not repeat a password of the address', () => {
  assert.doesNotMatch(faultsOf({ NOMAD_ADDR: 'http://user:hidden@a' }).join(), /hidden/);
});

test('lists every fault, and no secret', () => {
  const faults = faultsOf({
    NOMAD_ADDR: 'x',
    NOMAD_TOKEN: 'my secret',
    NOMAD_CLIENT_CERT: '/cert.pem',
    NOMAD_SKIP_VERIFY: 'maybe',
  });
  assert.deepEqual(
    faults.map((fault) => fault.split(':')[0]),
    ['NOMAD_ADDR', 'NOMAD_TOKEN', 'NOMAD_CLIENT_KEY', 'NOMAD_SKIP_VERIFY'],
  );
  assert.doesNotMatch(faults.join(), /my secret/);
  assert.match(faultsOf({ NOMAD_CLIENT_KEY: '/key.pem' }).join(), /NOMAD_CLIENT_CERT: is missing/);
});
