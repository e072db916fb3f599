import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, isLoopback, readConfig } from '../../../service/bin/config.ts';

const machine = { uid: 1000, home: '/home/ada', version: '1.2.3' };

test('with nothing set, it is open to this machine only', () => {
  const config = readConfig({}, machine);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 7070);
  assert.equal(config.dispatcher.loopback, true);
  assert.equal(config.dispatcher.bodyLimitBytes, 8 * 1024 * 1024);
  assert.equal(config.tokensFile, '/home/ada/.config/paddock/tokens.json');
  assert.equal(config.executorEnvironment.PADDOCK_CACHE_DIR, '/home/ada/.cache/paddock');
  assert.ok(Object.isFrozen(config));
  const root = readConfig({}, { ...machine, uid: 0 });
  assert.equal(root.tokensFile, '/etc/paddock/tokens.json');
  assert.equal(root.executorEnvironment.PADDOCK_STATE_DIR, '/run/paddock');
});

test('executors get what concerns them and nothing else', () => {
  const env = {
    PATH: '/bin',
    HOME: '/root',
    AWS_SECRET: 'x',
    PADDOCK_MAX_RUNNING: '4',
    PADDOCK_TOKENS_FILE: '/t',
  };
  const { executorEnvironment } = readConfig(env, machine);
  assert.deepEqual(Object.keys(executorEnvironment).sort(), [
    'LANG',
    'PADDOCK_CACHE_DIR',
    'PADDOCK_MAX_RUNNING',
    'PADDOCK_STATE_DIR',
    'PATH',
  ]);
});

test('every fault is listed', () => {
  const env = {
    PADDOCK_PORT: '70700',
    PADDOCK_QUEUE_LIMIT: '0',
    PADDOCK_BODY_LIMIT: 'much',
    PADDOCK_LOG_LEVEL: 'loud',
    PADDOCK_STATE_DIR: 'relative',
    PADDOCK_MAX_LIMITS: 'wallMs=0,memory=5',
  };
  assert.throws(
    () => readConfig(env, machine),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      for (const name of Object.keys(env)) {
        assert.ok(
          error.faults.some((fault) => fault.startsWith(name)),
          `${name}: ${error.faults.join('\n')}`,
        );
      }
      return true;
    },
  );
});

test('sizes, lists and limits are read; a misspelt variable is named', () => {
  const config = readConfig(
    {
      PADDOCK_BODY_LIMIT: '2m',
      PADDOCK_ALLOWED_HOSTS: 'a.example, b.example:7070',
      PADDOCK_MAX_LIMITS: 'wallMs=5000,cpus=0.5',
      PADDOCK_QUEUE_LIMT: '3',
      PADDOCK_PORT: '',
    },
    machine,
  );
  assert.equal(config.dispatcher.bodyLimitBytes, 2 * 1024 * 1024);
  assert.deepEqual(config.dispatcher.allowedHosts, ['a.example', 'b.example:7070']);
  assert.equal(config.dispatcher.maxLimits.wallMs, 5_000);
  assert.equal(config.dispatcher.maxLimits.cpus, 0.5);
  assert.deepEqual(config.unknown, ['PADDOCK_QUEUE_LIMT']);
});

test('with TLS it may be called by the name in its certificate', () => {
  const tls = { PADDOCK_TLS_CA: '/ca', PADDOCK_TLS_CERT: '/cert', PADDOCK_TLS_KEY: '/key' };
  const hosts = (env: Record<string, string>) => readConfig(env, machine).dispatcher.allowedHosts;
  assert.deepEqual(hosts(tls), ['dispatcher.paddock']);
  assert.deepEqual(hosts({ ...tls, PADDOCK_HOST: '10.0.0.5' }), [], 'off loopback all are allowed still');
  const named = { PADDOCK_HOST: '10.0.0.5', PADDOCK_ALLOWED_HOSTS: 'a.example' };
  assert.deepEqual(hosts({ ...tls, ...named }), ['a.example', 'dispatcher.paddock']);
  assert.deepEqual(hosts(named), ['a.example']);
});

test('only loopback counts as loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'paddock']) {
    assert.equal(isLoopback(host), false, host);
  }
});

test('no environment makes it throw anything but a ConfigError', () => {
  const names = [
    'PADDOCK_PORT',
    'PADDOCK_MAX_LIMITS',
    'PADDOCK_BODY_LIMIT',
    'PADDOCK_EXECUTORS',
    'PADDOCK_HOST',
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.string()), (env) => {
      try {
        readConfig(env, machine);
      } catch (error) {
        assert.ok(error instanceof ConfigError && error.faults.length > 0);
      }
    }),
  );
});
