import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../../../service/bin/config.ts';
import type { ExecutorMachine } from '../../../service/bin/executor-config.ts';
import { readNomadExecutorConfig } from '../../../service/bin/nomad-executor-config.ts';

const ALLOCATION = 'a1b2c3d4-0000-4000-8000-000000000001';
const machine: ExecutorMachine = {
  projectFolder: '/p',
  userId: 0,
  home: '/root',
  hostname: 'host-1',
  architecture: 'x64',
  cores: 4,
  memoryMb: 64_000,
  node: '/p/node',
};
const env = {
  NOMAD_ALLOC_ID: ALLOCATION,
  NOMAD_TASK_DIR: '/alloc/executor/local',
  NOMAD_SECRETS_DIR: '/alloc/executor/secrets',
  NOMAD_TOKEN_paddock: 'an.identity.of-nomad',
  NOMAD_IP_http: '10.0.0.7',
  NOMAD_PORT_http: '23001',
  NOMAD_MEMORY_LIMIT: '2048',
  PADDOCK_NODE: 'node-7',
  PADDOCK_STATE_DIR: '/run/paddock',
  PADDOCK_CACHE_DIR: '/var/cache/paddock',
  PADDOCK_CAPABILITIES: 'gpu arm64',
};
const order = {
  pool: 'python',
  dispatchers: ['http://10.0.0.1:7070'],
  keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k' }],
};
const files: Readonly<Record<string, string>> = {
  '/alloc/executor/local/order.json': JSON.stringify(order),
  '/tls/ca.pem': 'CA',
  '/tls/cert.pem': 'CERT',
  '/tls/key.pem': 'KEY',
};
const read = (changed: Record<string, string | undefined> = {}, changedFiles: Record<string, string> = {}) =>
  readNomadExecutorConfig({ ...env, ...changed }, machine, (path) => {
    const text = { ...files, ...changedFiles }[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  });
const faults = (...parameters: Parameters<typeof read>): readonly string[] => {
  try {
    read(...parameters);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.faults;
  }
  return assert.fail('was accepted');
};
const tls = {
  PADDOCK_TLS_CA: '/tls/ca.pem',
  PADDOCK_TLS_CERT: '/tls/cert.pem',
  PADDOCK_TLS_KEY: '/tls/key.pem',
};

describe('the configuration of an executor on Nomad', () => {
  test('comes from Nomad, its job and its order, and is frozen', () => {
    const config = read();
    assert.ok(Object.isFrozen(config));
    assert.deepEqual(config.order, order);
    assert.deepEqual([config.executor.id, config.executor.node], [ALLOCATION, 'node-7']);
    assert.deepEqual([config.host, config.port, config.url], ['10.0.0.7', 23_001, 'http://10.0.0.7:23001']);
    assert.deepEqual(
      [config.identity, config.controlSocket],
      ['an.identity.of-nomad', '/alloc/executor/secrets/control.sock'],
    );
    assert.deepEqual([config.tls, config.executor.gentle], [undefined, true]);
    assert.deepEqual(config.executor.capabilities, ['gpu', 'arm64']);
  });

  test('counts with the memory of the task, not with that of the machine', () => {
    const { executor } = read();
    assert.deepEqual([executor.warmMemoryMb, executor.compileCacheMb], [512, 64]);
    assert.equal(read({ NOMAD_MEMORY_LIMIT: undefined }).executor.warmMemoryMb, 4_096);
  });

  test('drains for as long as Nomad lets it, unless it is told less', () => {
    assert.equal(read().drainMs, 3_600_000);
    assert.equal(read({ PADDOCK_DRAIN_MS: '5000' }).drainMs, 5_000);
  });

  test('has an address of version 6 in brackets, and the host for a node without a name', () => {
    const config = read({ NOMAD_IP_http: 'fd00::7', PADDOCK_NODE: undefined });
    assert.deepEqual([config.url, config.executor.node], ['http://[fd00::7]:23001', 'host-1']);
  });

  test('speaks TLS where all of its files are named', () => {
    const config = read(tls);
    assert.deepEqual(
      [config.tls, config.url],
      [{ ca: 'CA', cert: 'CERT', key: 'KEY' }, 'https://10.0.0.7:23001'],
    );
    assert.deepEqual(faults({ ...tls, PADDOCK_TLS_KEY: undefined }), [
      'PADDOCK_TLS_KEY: is missing, while others of TLS are set',
    ]);
    assert.match(faults({ ...tls, PADDOCK_TLS_CERT: '/gone' }).join(), /^PADDOCK_TLS_CERT: ENOENT/);
  });

  test('lists every fault', () => {
    const changed = {
      NOMAD_ALLOC_ID: 'x',
      NOMAD_PORT_http: '0',
      NOMAD_IP_http: 'host',
      PADDOCK_STATE_DIR: undefined,
      NOMAD_TOKEN_paddock: undefined,
    };
    const found = faults(changed);
    for (const name of Object.keys(changed))
      assert.ok(
        found.some((fault) => fault.startsWith(`${name}: `)),
        name,
      );
    assert.equal(found.length, 5);
  });

  test('names what is wrong with the order', () => {
    const path = '/alloc/executor/local/order.json';
    const faulty = { ...order, pool: 'A B', keys: [] };
    const found = faults({}, { [path]: JSON.stringify(faulty) });
    assert.deepEqual(
      found.map((fault) => fault.split(': ').slice(0, 2)),
      [
        [path, 'pool'],
        [path, 'keys'],
      ],
    );
    assert.match(faults({}, { [path]: '{' }).join(), /order\.json: /);
    assert.match(faults({ NOMAD_TASK_DIR: '/elsewhere' }).join(), /^\/elsewhere\/order\.json: ENOENT/);
  });
});
