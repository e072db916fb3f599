import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../../../service/bin/config.ts';
import { type ExecutorMachine, readExecutorConfig } from '../../../service/bin/executor-config.ts';

const machine: ExecutorMachine = {
  projectFolder: '/p',
  userId: 0,
  home: '/root',
  hostname: 'node-1',
  architecture: 'x64',
  cores: 4,
  memoryMb: 8_000,
  node: '/p/node',
};
const env = {
  PADDOCK_EXECUTOR_ID: 'e1',
  PADDOCK_EXECUTOR_TOKEN: 'x'.repeat(32),
  PADDOCK_STATE_DIR: '/run/paddock',
  PADDOCK_CACHE_DIR: '/var/cache/paddock',
};
const read = (changed: Record<string, string | undefined> = {}, on: Partial<ExecutorMachine> = {}) =>
  readExecutorConfig({ ...env, ...changed }, { ...machine, ...on }).executor;
const faults = (changed: Record<string, string | undefined>): readonly string[] => {
  try {
    read(changed);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
  return assert.fail('was accepted');
};

describe('the configuration of an executor', () => {
  test('comes from its cluster, with the machine for the rest, and is frozen', () => {
    const config = read({ PATH: '/bin' });
    assert.ok(Object.isFrozen(config));
    assert.deepEqual(
      [config.id, config.node, config.stateFolder, config.cacheFolder],
      ['e1', 'node-1', '/run/paddock', '/var/cache/paddock'],
    );
    assert.equal(readExecutorConfig(env, machine).token, env.PADDOCK_EXECUTOR_TOKEN);
    assert.deepEqual([config.imagesFolder, config.nativeFolder], ['/p/images', '/p/.build']);
    assert.deepEqual([config.maxRunning, config.warmMemoryMb, config.compileCacheMb], [8, 2_000, 250]);
    assert.deepEqual([config.allowWeaker, config.capabilities], [false, []]);
    assert.deepEqual(config.surroundings, { path: '/bin', home: '/root', node: '/p/node' });
  });

  test('stays modest on a large machine and workable on a small one', () => {
    const large = read({}, { memoryMb: 1_000_000 });
    assert.deepEqual([large.warmMemoryMb, large.compileCacheMb], [4_096, 256]);
    assert.equal(read({}, { cores: 1 }).maxRunning, 2);
  });

  test('takes what the operator sets', () => {
    const config = read({
      PADDOCK_MAX_RUNNING: '3',
      PADDOCK_WARM_MEMORY_MB: '0',
      PADDOCK_COMPILE_CACHE_MB: '0',
      PADDOCK_IMAGES_DIR: '/images',
      PADDOCK_CAPABILITIES: ' gpu, arm64\nfpga,',
    });
    assert.deepEqual([config.maxRunning, config.warmMemoryMb, config.imagesFolder], [3, 0, '/images']);
    assert.equal(config.compileCacheMb, 0);
    assert.deepEqual(config.capabilities, ['gpu', 'arm64', 'fpga']);
  });

  test('allows weaker limits only in plain words', () => {
    for (const yes of ['1', 'true', 'YES', 'all'])
      assert.equal(read({ PADDOCK_ALLOW_WEAKER: yes }).allowWeaker, true);
    for (const no of ['', '0', 'no', 'false', 'maybe', '11']) {
      assert.equal(read({ PADDOCK_ALLOW_WEAKER: no }).allowWeaker, false, no);
    }
  });

  test('has fork servers unless they are switched off', () => {
    assert.equal(read().forkServers, true);
    assert.equal(read({ PADDOCK_FORK_SERVERS: '1' }).forkServers, true);
    assert.equal(read({ PADDOCK_FORK_SERVERS: '0' }).forkServers, false);
    assert.deepEqual(faults({ PADDOCK_FORK_SERVERS: 'no' }), ['PADDOCK_FORK_SERVERS: must be 0 or 1']);
  });

  test('takes an empty variable for one that is left out', () => {
    const config = read({
      PADDOCK_MAX_RUNNING: '',
      PADDOCK_WARM_MEMORY_MB: '',
      PADDOCK_IMAGES_DIR: '',
      PATH: '',
    });
    assert.deepEqual([config.maxRunning, config.warmMemoryMb, config.imagesFolder], [8, 2_000, '/p/images']);
    assert.match(config.surroundings.path, /\/usr\/bin/);
  });

  test('lists every fault', () => {
    const found = faults({
      PADDOCK_EXECUTOR_ID: undefined,
      PADDOCK_EXECUTOR_TOKEN: 'short',
      PADDOCK_STATE_DIR: 'relative',
      PADDOCK_MAX_RUNNING: '0',
      PADDOCK_WARM_MEMORY_MB: '-1',
      PADDOCK_COMPILE_CACHE_MB: '65537',
    });
    const wrong = [
      'EXECUTOR_ID',
      'EXECUTOR_TOKEN',
      'STATE_DIR',
      'MAX_RUNNING',
      'WARM_MEMORY_MB',
      'COMPILE_CACHE_MB',
    ];
    for (const name of wrong) {
      assert.ok(
        found.some((fault) => fault.startsWith(`PADDOCK_${name}: `)),
        name,
      );
    }
    assert.equal(found.length, 6);
    for (const value of ['1.5', 'many', 'NaN', 'Infinity']) {
      faults({ PADDOCK_MAX_RUNNING: value });
      faults({ PADDOCK_COMPILE_CACHE_MB: value });
    }
  });

  test('does not repeat the token in a fault', () => {
    assert.ok(!faults({ PADDOCK_EXECUTOR_TOKEN: 'my-short-secret' }).join().includes('my-short-secret'));
  });
});
