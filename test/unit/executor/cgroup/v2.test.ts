import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { v2Driver } from '../../../../service/executor/cgroup/v2.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const mounted = async (context: TestContext) => {
  const root = `${temporaryFolder(context)}/paddock-x`;
  const driver = v2Driver(root, () => mkdirSync(root));
  const cgroup = await driver.create();
  const read = (name: string): string => readFileSync(`${root}/sandbox-0/${name}`, 'utf8');
  const put = (name: string, text: string): void => writeFileSync(`${root}/sandbox-0/${name}`, text);
  return { root, driver, cgroup, read, put };
};
const limits = { memoryMb: 256, processes: 64, cpus: 1.5 };

describe('a cgroup of v2', () => {
  test('is one folder with one file to join', async (context) => {
    const { root, driver, cgroup } = await mounted(context);
    assert.equal(driver.version, 'v2');
    assert.deepEqual(cgroup.joinFiles, [`${root}/sandbox-0/cgroup.procs`]);
    await cgroup.remove();
    await cgroup.remove();
    assert.equal(existsSync(`${root}/sandbox-0`), false);
  });

  test('has its limits in the kernel’s files, and no swap where that is accounted', async (context) => {
    const { cgroup, read, put, root } = await mounted(context);
    cgroup.limit(limits);
    assert.equal(read('memory.max'), String(256 * 1024 * 1024));
    assert.equal(read('pids.max'), '64');
    assert.equal(read('cpu.max'), '150000 100000');
    assert.equal(existsSync(`${root}/sandbox-0/memory.swap.max`), false);
    put('memory.swap.max', 'max\n');
    cgroup.limit({ ...limits, cpus: 0.001 });
    assert.equal(read('memory.swap.max'), '0');
    assert.equal(read('cpu.max'), '1000 100000');
  });

  test('tells what was used, and zero of what is not there', async (context) => {
    const { cgroup, put } = await mounted(context);
    const nothing = { cpuNs: 0, memoryPeakBytes: 0 };
    assert.deepEqual(cgroup.usage(), nothing);
    put('cpu.stat', 'usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n');
    put('memory.current', '1024\n');
    // A longer key that starts alike must not be taken for it.
    put('memory.events', 'low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n');
    put('pids.events', 'max 4\n');
    assert.deepEqual(cgroup.usage(), {
      cpuNs: 2_500_000,
      memoryPeakBytes: 1_024, // before Linux 5.19 there is no peak
    });
    assert.deepEqual(cgroup.events(), { oomKills: 1, forksRefused: 4 });
    put('memory.peak', '4096\n');
    assert.equal(cgroup.usage().memoryPeakBytes, 4_096);
  });

  test('is cleared away with all that was left', async (context) => {
    const { root, driver } = await mounted(context);
    mkdirSync(`${root}/sandbox-0/made-inside`);
    await driver.clear();
    await driver.clear();
    assert.equal(existsSync(root), false);
  });
});

test('controllers are handed down again where the folder was cleared away', async (context) => {
  const root = `${temporaryFolder(context)}/paddock-x`;
  const prepared: boolean[] = [];
  const driver = v2Driver(root, () => {
    prepared.push(existsSync(root));
    mkdirSync(root);
  });
  await driver.clear();
  await driver.create();
  await driver.create();
  assert.deepEqual(prepared, [false]);
  await driver.clear();
  await driver.create();
  assert.deepEqual(prepared, [false, false]);
});

test('a process of an outer pid namespace, which reads as 0, is never signalled as our own group', async (context) => {
  const { root, driver, put } = await mounted(context);
  const kill = context.mock.method(process, 'kill', () => true);
  put('cgroup.procs', '0\n4194304\n');
  await assert.rejects(driver.clear(), { code: 'ENOTEMPTY' }); // the kernel's own files would not be in the way
  assert.deepEqual(
    kill.mock.calls.map(({ arguments: args }) => args),
    [[4_194_304, 'SIGKILL']],
  );
  assert.equal(existsSync(`${root}/sandbox-0`), true);
});
