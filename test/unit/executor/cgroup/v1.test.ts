import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { v1Driver } from '../../../../service/executor/cgroup/v1.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MIB = 1024 * 1024;
const limits = { memoryMb: 256, processes: 64, cpus: 0.5 };

/** Folders laid out as the kernel's mounts; here a written file is just a file. */
const mounted = (context: TestContext, cpu = 'cpu', cpuacct = 'cpuacct') => {
  const root = temporaryFolder(context);
  const folder = (controller: string): string => `${root}/${controller}/paddock-x`;
  const driver = v1Driver({
    memory: folder('memory'),
    pids: folder('pids'),
    cpu: folder(cpu),
    cpuacct: folder(cpuacct),
  });
  const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
  const put = (path: string, text: string): void => writeFileSync(`${root}/${path}`, text);
  return { root, driver, read, put };
};

describe('a cgroup of v1', () => {
  test('is one folder and one file to join for each controller', async (context) => {
    const { root, driver } = mounted(context);
    assert.equal(driver.version, 'v1');
    const cgroup = await driver.create('s1');
    const folders = ['memory', 'pids', 'cpu', 'cpuacct'].map((name) => `${root}/${name}/paddock-x/s1`);
    assert.deepEqual(
      cgroup.joinFiles,
      folders.map((folder) => `${folder}/cgroup.procs`),
    );
    assert.ok(folders.every((folder) => existsSync(folder)));
    await cgroup.remove();
    await cgroup.remove();
    assert.ok(!folders.some((folder) => existsSync(folder)));
  });

  test('joins and removes once what is mounted together', async (context) => {
    const { root, driver } = mounted(context, 'cpu,cpuacct', 'cpu,cpuacct');
    const cgroup = await driver.create('s1');
    assert.equal(cgroup.joinFiles.length, 3);
    assert.equal(new Set(cgroup.joinFiles).size, 3);
    await cgroup.remove();
    await driver.clear();
    assert.equal(existsSync(`${root}/cpu,cpuacct/paddock-x`), false);
  });

  test('has its limits in the controllers’ files', async (context) => {
    const { driver, read } = mounted(context);
    (await driver.create('s')).limit(limits);
    assert.equal(read('memory/paddock-x/s/memory.limit_in_bytes'), String(256 * MIB));
    assert.equal(read('memory/paddock-x/s/memory.swappiness'), '0', 'without swap accounting');
    assert.equal(read('pids/paddock-x/s/pids.max'), '64');
    assert.equal(read('cpu/paddock-x/s/cpu.cfs_quota_us'), '50000');
  });

  test('allows no swap where the kernel accounts it', async (context) => {
    const { driver, read, put } = mounted(context);
    const cgroup = await driver.create('s');
    put('memory/paddock-x/s/memory.memsw.limit_in_bytes', '9223372036854771712');
    put('memory/paddock-x/s/memory.limit_in_bytes', '9223372036854771712');
    for (const memoryMb of [256, 512, 128]) {
      cgroup.limit({ ...limits, memoryMb });
      for (const name of ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']) {
        assert.equal(read(`memory/paddock-x/s/${name}`), String(memoryMb * MIB));
      }
    }
    assert.equal(existsSync(`${cgroup.joinFiles[0]}/../memory.swappiness`), false);
  });

  test('gives no CPU quota below the kernel’s least', async (context) => {
    const { driver, read } = mounted(context);
    (await driver.create('s')).limit({ ...limits, cpus: 0.001 });
    assert.equal(read('cpu/paddock-x/s/cpu.cfs_quota_us'), '1000');
  });

  test('tells what was used, and zero of what is not there', async (context) => {
    const { driver, put } = mounted(context);
    const cgroup = await driver.create('s');
    const nothing = { cpuNs: 0, memoryPeakBytes: 0 };
    assert.deepEqual(cgroup.usage(), nothing);
    put('cpuacct/paddock-x/s/cpuacct.usage', '123456789\n');
    put('memory/paddock-x/s/memory.max_usage_in_bytes', '4096\n');
    put('memory/paddock-x/s/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n');
    put('pids/paddock-x/s/pids.events', 'max 5\n');
    assert.deepEqual(cgroup.usage(), {
      cpuNs: 123_456_789,
      memoryPeakBytes: 4_096,
    });
    assert.deepEqual(cgroup.events(), { oomKills: 3, forksRefused: 5 });
  });

  test('is cleared away with all that was left below its folder', async (context) => {
    const { root, driver } = mounted(context);
    await driver.create('s1');
    await driver.create('s2');
    mkdirSync(`${root}/memory/paddock-x/s2/made-inside`);
    mkdirSync(`${root}/memory/somebody-else`);
    await driver.clear();
    await driver.clear();
    assert.equal(existsSync(`${root}/memory/paddock-x`), false);
    assert.equal(existsSync(`${root}/memory/somebody-else`), true);
  });
});
