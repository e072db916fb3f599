import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../../../service/bin/config.ts';
import { readPools } from '../../../service/bin/pools-file.ts';

const fileWith = (context: TestContext, content: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-pools-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pools.yaml');
  writeFileSync(path, content);
  return path;
};
const faultsOf = (path: string): readonly string[] => {
  try {
    readPools(path);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
  return [];
};

test('without a file there is one pool with the usual settings', () => {
  const [pool, ...others] = readPools(undefined);
  assert.equal(pool?.name, 'default');
  assert.equal(pool?.minimum, 1);
  assert.deepEqual(others, []);
});

test('pools are read from YAML and from JSON', (context) => {
  const yaml = 'pools:\n  - name: default\n  - name: gpu\n    capabilities: [gpu]\n    minimum: 0\n';
  const json = JSON.stringify({
    pools: [{ name: 'default' }, { name: 'gpu', capabilities: ['gpu'], minimum: 0 }],
  });
  const pools = readPools(fileWith(context, yaml));
  assert.deepEqual(
    pools.map(({ name }) => name),
    ['default', 'gpu'],
  );
  assert.deepEqual(pools[1]?.capabilities, ['gpu']);
  assert.ok(Object.isFrozen(pools));
  assert.deepEqual(readPools(fileWith(context, json)), pools);
});

test('every fault is listed with its place', (context) => {
  const path = fileWith(
    context,
    'pools:\n  - name: Default\n    minimum: 5\n    maximum: 1\n  - name: gpu\n    size: 3\n    executor: {memoryMb: 1}\n',
  );
  const faults = faultsOf(path);
  for (const place of ['pools.0.name', 'pools.1.size', 'pools.1.executor.memoryMb'])
    assert.ok(
      faults.some((fault) => fault.startsWith(`${path}: ${place}: `)),
      `${place}: ${faults.join('\n')}`,
    );
  assert.match(
    faultsOf(fileWith(context, 'pools: [{name: a, minimum: 5, maximum: 1}]')).join(),
    /pools\.0\.minimum: is above the maximum of 1/,
  );
  assert.match(
    faultsOf(fileWith(context, 'pools: [{name: a}, {name: a}]')).join(),
    /names of pools must be distinct/,
  );
});

test('a file that cannot be read, is no YAML or holds nothing is named', (context) => {
  assert.match(
    faultsOf('/no/such/pools.yaml').join(),
    /^PADDOCK_POOLS_FILE: \/no\/such\/pools\.yaml cannot be read/,
  );
  assert.match(faultsOf(fileWith(context, 'pools: [')).join(), /^PADDOCK_POOLS_FILE: .*cannot be read/);
  assert.match(faultsOf(fileWith(context, '')).join(), /pools\.yaml: the file: /);
  assert.match(faultsOf(fileWith(context, 'pools: []')).join(), /pools: at least one pool is needed/);
});
