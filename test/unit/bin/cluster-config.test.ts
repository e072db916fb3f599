import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, readConfig } from '../../../service/bin/config.ts';
import { readTls } from '../../../service/bin/open-cluster.ts';

const machine = { uid: 1000, home: '/home/ada', version: '1.2.3' };
const read = (env: Readonly<Record<string, string | undefined>>) =>
  readConfig({ PADDOCK_CLUSTER: 'nomad', ...env }, machine);
const advertised = (env: Readonly<Record<string, string>>) => read(env).nomad?.advertise;
const faultsOf = (readIt: () => unknown): readonly string[] => {
  try {
    readIt();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
  return [];
};
const tls = { PADDOCK_TLS_CA: '/ca.pem', PADDOCK_TLS_CERT: '/cert.pem', PADDOCK_TLS_KEY: '/key.pem' };

describe('the cluster', () => {
  test('is this machine, unless it is said otherwise', () => {
    assert.equal(readConfig({ NOMAD_ADDR: 'nonsense' }, machine).nomad, undefined);
    assert.equal(readConfig({ PADDOCK_CLUSTER: 'local' }, machine).nomad, undefined);
  });

  test('on Nomad needs nothing else on one machine', () => {
    const { nomad } = read({});
    assert.deepEqual(nomad && { ...nomad, connection: nomad.connection.address }, {
      ...{ advertise: 'http://127.0.0.1:7070', connection: 'http://127.0.0.1:4646', prefix: 'paddock' },
      ...{ poolsFile: undefined, name: undefined, home: undefined, uiLink: undefined },
    });
    assert.ok(Object.isFrozen(nomad));
  });

  test('takes what it is given', () => {
    const { nomad } = read({
      PADDOCK_POOLS_FILE: '/etc/paddock/pools.yaml',
      PADDOCK_ADVERTISE: 'https://paddock.example/base/',
      PADDOCK_NOMAD_PREFIX: 'paddock-x',
      PADDOCK_NODE_HOME: '/opt/paddock',
      PADDOCK_UI_LINK: 'https://paddock.example',
      NOMAD_ALLOC_ID: 'a1b2',
      NOMAD_ADDR: 'unix:///secrets/api.sock',
    });
    assert.deepEqual(nomad && { ...nomad, connection: nomad.connection.socketPath }, {
      ...{ poolsFile: '/etc/paddock/pools.yaml', advertise: 'https://paddock.example/base' },
      ...{ prefix: 'paddock-x', home: '/opt/paddock', uiLink: 'https://paddock.example', name: 'a1b2' },
      connection: '/secrets/api.sock',
    });
  });
});

describe('where others reach this dispatcher', () => {
  test('is said, or where Nomad has put it, or where it listens', () => {
    const allocation = { NOMAD_IP_http: '10.0.0.7', NOMAD_PORT_http: '21000', PADDOCK_HOST: '0.0.0.0' };
    assert.equal(advertised({ ...allocation, PADDOCK_ADVERTISE: 'http://a:1' }), 'http://a:1');
    assert.equal(advertised(allocation), 'http://10.0.0.7:21000');
    assert.equal(advertised({ ...allocation, NOMAD_IP_http: 'fd00::2' }), 'http://[fd00::2]:21000');
    assert.equal(advertised({ PADDOCK_HOST: '10.0.0.5', PADDOCK_PORT: '80' }), 'http://10.0.0.5:80');
    assert.equal(advertised({ PADDOCK_HOST: '::1' }), 'http://[::1]:7070');
    assert.equal(advertised({ PADDOCK_HOST: '10.0.0.5', ...tls }), 'https://10.0.0.5:7070');
  });

  test('has to be said where it listens everywhere or on any port', () => {
    for (const env of [{ PADDOCK_HOST: '0.0.0.0' }, { PADDOCK_HOST: '::' }, { PADDOCK_PORT: '0' }])
      assert.match(faultsOf(() => read(env)).join(), /^PADDOCK_ADVERTISE: say where executors reach/);
  });
});

describe('faults', () => {
  test('are all listed, each with its variable', () => {
    const env = {
      PADDOCK_CLUSTER: 'mesos',
      PADDOCK_POOLS_FILE: 'pools.yaml',
      PADDOCK_ADVERTISE: 'ftp://10.0.0.5',
      PADDOCK_NOMAD_PREFIX: 'Paddock!',
      PADDOCK_NODE_HOME: 'opt',
      PADDOCK_UI_LINK: 'no link',
      PADDOCK_TLS_CA: 'ca.pem',
    };
    const faults = faultsOf(() => readConfig(env, machine));
    for (const name of Object.keys(env))
      assert.ok(
        faults.some((fault) => fault.startsWith(`${name}: `)),
        `${name}: ${faults.join('\n')}`,
      );
  });

  test('of an address that is no use to others are told', () => {
    for (const url of [
      'http://10.0.0.5?x=1',
      'http://10.0.0.5#x',
      'http://user:word@10.0.0.5',
      '10.0.0.5:7070',
    ])
      assert.match(
        faultsOf(() => read({ PADDOCK_ADVERTISE: url })).join(),
        /^PADDOCK_ADVERTISE: must be/,
        url,
      );
  });

  test('of several kinds are told together', () => {
    const faults = faultsOf(() =>
      read({
        PADDOCK_HOST: '0.0.0.0',
        PADDOCK_TLS_CA: '/ca.pem',
        NOMAD_ADDR: 'nonsense',
        NOMAD_SKIP_VERIFY: 'x',
      }),
    );
    for (const name of ['PADDOCK_ADVERTISE', 'PADDOCK_TLS_CA', 'NOMAD_ADDR', 'NOMAD_SKIP_VERIFY'])
      assert.ok(
        faults.some((fault) => fault.startsWith(name)),
        `${name}: ${faults.join('\n')}`,
      );
  });
});

describe('TLS', () => {
  test('needs all three files, or none', () => {
    assert.deepEqual(read(tls).tls, { ca: '/ca.pem', cert: '/cert.pem', key: '/key.pem' });
    assert.equal(read({}).tls, undefined);
    for (const missing of Object.keys(tls)) {
      const some = Object.fromEntries(Object.entries(tls).filter(([name]) => name !== missing));
      assert.match(faultsOf(() => read(some)).join(), /give all three, or none/, missing);
    }
  });

  test('is read from its files, and each that cannot be read is named', (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-tls-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'PEM');
    assert.deepEqual(readTls({ ca, cert: ca, key: ca }), { ca: 'PEM', cert: 'PEM', key: 'PEM' });
    assert.equal(readTls(undefined), undefined);
    const faults = faultsOf(() => readTls({ ca, cert: join(folder, 'none'), key: join(folder, 'none') }));
    assert.equal(faults.length, 2);
    assert.match(
      faults.join('\n'),
      /^PADDOCK_TLS_CERT: .*cannot be read.*\nPADDOCK_TLS_KEY: .*cannot be read/,
    );
  });
});
