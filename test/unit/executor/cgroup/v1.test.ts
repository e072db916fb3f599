import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
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
    const cgroup = await driver.create();
    const folders = ['memory', 'pids', 'cpu', 'cpuacct'].map((name) => `${root}/${name}/paddock-x/sandbox-0`);
    assert.deepEqual(
      cgroup.joinFiles,
      folders.map((folder) => `${folder}/cgroup.procs`),
    );
    assert.ok(folders.every((folder) => existsSync(folder)));
    await driver.clear();
    assert.ok(!folders.some((folder) => existsSync(folder)));
  });

  test('joins and removes once what is mounted together', async (context) => {
    const { root, driver } = mounted(context, 'cpu,cpuacct', 'cpu,cpuacct');
    const cgroup = await driver.create();
    assert.equal(cgroup.joinFiles.length, 3);
    assert.equal(new Set(cgroup.joinFiles).size, 3);
    await driver.clear();
    assert.equal(existsSync(`${root}/cpu,cpuacct/paddock-x`), false);
  });

  test('has its limits in the controllers’ files', async (context) => {
    const { driver, read } = mounted(context);
    (await driver.create()).limit(limits);
    assert.equal(read('memory/paddock-x/sandbox-0/memory.limit_in_bytes'), String(256 * MIB));
    assert.equal(read('memory/paddock-x/sandbox-0/memory.swappiness'), '0', 'without swap accounting');
    assert.equal(read('pids/paddock-x/sandbox-0/pids.max'), '64');
    assert.equal(read('cpu/paddock-x/sandbox-0/cpu.cfs_quota_us'), '50000');
  });

  test('allows no swap where the kernel accounts it', async (context) => {
    const { driver, read, put } = mounted(context);
    const cgroup = await driver.create();
    put('memory/paddock-x/sandbox-0/memory.memsw.limit_in_bytes', '9223372036854771712');
    put('memory/paddock-x/sandbox-0/memory.limit_in_bytes', '9223372036854771712');
    for (const memoryMb of [256, 512, 128]) {
      cgroup.limit({ ...limits, memoryMb });
      for (const name of ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']) {
        assert.equal(read(`memory/paddock-x/sandbox-0/${name}`), String(memoryMb * MIB));
      }
    }
    assert.equal(existsSync(`${cgroup.joinFiles[0]}/../memory.swappiness`), false);
  });

  test('gives no CPU quota below the kernel’s least', async (context) => {
    const { driver, read } = mounted(context);
    (await driver.create()).limit({ ...limits, cpus: 0.001 });
    assert.equal(read('cpu/paddock-x/sandbox-0/cpu.cfs_quota_us'), '1000');
  });

  test('tells what was used, and zero of what is not there', async (context) => {
    const { driver, put } = mounted(context);
    const cgroup = await driver.create();
    const nothing = { cpuNs: 0, memoryPeakBytes: 0 };
    assert.deepEqual(cgroup.usage(), nothing);
    put('cpuacct/paddock-x/sandbox-0/cpuacct.usage', '123456789\n');
    put('memory/paddock-x/sandbox-0/memory.max_usage_in_bytes', '4096\n');
    put('memory/paddock-x/sandbox-0/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n');
    put('pids/paddock-x/sandbox-0/pids.events', 'max 5\n');
    assert.deepEqual(cgroup.usage(), {
      cpuNs: 123_456_789,
      memoryPeakBytes: 4_096,
    });
    assert.deepEqual(cgroup.events(), { oomKills: 3, forksRefused: 5 });
  });

  test('is cleared away with all that was left below its folder', async (context) => {
    const { root, driver } = mounted(context);
    await driver.create();
    await driver.create();
    mkdirSync(`${root}/memory/paddock-x/sandbox-1/made-inside`);
    mkdirSync(`${root}/memory/somebody-else`);
    await driver.clear();
    await driver.clear();
    assert.equal(existsSync(`${root}/memory/paddock-x`), false);
    assert.equal(existsSync(`${root}/memory/somebody-else`), true);
  });
});

/*
 * A kernel's rmdir takes a group with its files; here they are in the way. So a group that was to be removed shows in
 * that very refusal, and one that was kept in that there was none.
 */
const REMOVING = { code: 'ENOTEMPTY' };

describe('a cgroup of v1 that was given back', () => {
  const own = (file: string): string => file.replace('/', '/paddock-x/sandbox-0/');

  test('is the next sandbox’s, its counters at zero', async (context) => {
    const { driver, read, put } = mounted(context);
    const first = await driver.create();
    put(own('memory/memory.max_usage_in_bytes'), '99999999\n');
    put(own('cpuacct/cpuacct.usage'), '5000000\n');
    await first.remove();
    assert.equal(read(own('memory/memory.max_usage_in_bytes')), '0');
    assert.equal(read(own('cpuacct/cpuacct.usage')), '0');
    const second = await driver.create();
    assert.deepEqual(second.joinFiles, first.joinFiles);
    assert.deepEqual(second.usage(), { cpuNs: 0, memoryPeakBytes: 0 });
    const third = await driver.create();
    assert.notDeepEqual(third.joinFiles, second.joinFiles, 'what is in use is nobody else’s');
  });

  const LITTLE = 512 * 1024;
  const left: [what: string, file: string, text: string, kept: boolean][] = [
    ['nothing was refused', 'pids/pids.events', 'max 0\n', true],
    ['a fork was refused', 'pids/pids.events', 'max 1\n', false],
    ['nothing was killed', 'memory/memory.oom_control', 'under_oom 0\noom_kill 0\n', true],
    ['the kernel killed for memory', 'memory/memory.oom_control', 'under_oom 0\noom_kill 1\n', false],
    ['no process is left', 'pids/pids.current', '0\n', true],
    ['a process is left', 'pids/pids.current', '1\n', false],
    ['little memory is left', 'memory/memory.usage_in_bytes', `${LITTLE}\n`, true],
    ['more memory is left', 'memory/memory.usage_in_bytes', `${LITTLE + 4_096}\n`, false],
  ];
  for (const [what, file, text, kept] of left) {
    test(`is ${kept ? 'kept' : 'removed'} where ${what}`, async (context) => {
      const { driver, put } = mounted(context);
      const cgroup = await driver.create();
      put(own(file), text);
      if (kept) await cgroup.remove();
      else await assert.rejects(cgroup.remove(), REMOVING);
      const next = await driver.create();
      assert.equal(next.joinFiles[0] === cgroup.joinFiles[0], kept);
    });
  }

  test('twice by the same owner is still one: two sandboxes never share it', {
    todo: 'v1.ts keeps it twice',
  }, async (context) => {
    const { driver } = mounted(context);
    const cgroup = await driver.create();
    await Promise.all([cgroup.remove(), cgroup.remove()]);
    await cgroup.remove();
    const [a, b] = [await driver.create(), await driver.create()];
    assert.notDeepEqual(a.joinFiles, b.joinFiles);
  });

  test('has its limits written again only where they differ', async (context) => {
    const { driver, read, put } = mounted(context);
    const first = await driver.create();
    first.limit(limits);
    await first.remove();
    put(own('pids/pids.max'), 'untouched');
    const second = await driver.create();
    second.limit(limits);
    assert.equal(read(own('pids/pids.max')), 'untouched');
    for (const changed of [{ memoryMb: 512 }, { processes: 65 }, { cpus: 1 }]) {
      second.limit({ ...limits, ...changed });
      assert.notEqual(read(own('pids/pids.max')), 'untouched', JSON.stringify(changed));
      second.limit(limits);
      put(own('pids/pids.max'), 'untouched');
    }
  });

  test('has all limits written again where one of them was refused before', async (context) => {
    const { root, driver, read } = mounted(context);
    const cgroup = await driver.create();
    cgroup.limit(limits);
    const quota = `${root}/${own('cpu/cpu.cfs_quota_us')}`;
    rmSync(quota);
    mkdirSync(quota); // takes no write
    assert.throws(() => cgroup.limit({ ...limits, processes: 1 }), { code: 'EISDIR' });
    assert.equal(read(own('pids/pids.max')), '1');
    rmdirSync(quota);
    cgroup.limit(limits);
    assert.equal(read(own('pids/pids.max')), '64');
  });

  test('is not kept beyond what a burst needs', async (context) => {
    const { driver } = mounted(context);
    const all = await Promise.all(Array.from({ length: 66 }, () => driver.create()));
    for (const cgroup of all) await cgroup.remove();
    const exists = all.map(({ joinFiles: [file = ''] }) => existsSync(file.replace('/cgroup.procs', '')));
    assert.deepEqual(exists.indexOf(false), 64);
    assert.deepEqual(exists.slice(64), [false, false]);
  });

  test('goes with all the others when the folder is cleared, and comes back to nobody', {
    todo: 'v1.ts writes into a group that is gone',
  }, async (context) => {
    const { root, driver } = mounted(context);
    const [kept, living] = [await driver.create(), await driver.create()];
    await kept.remove();
    for (const file of ['memory/memory.max_usage_in_bytes', 'cpuacct/cpuacct.usage'])
      rmSync(`${root}/${own(file)}`);
    await driver.clear();
    assert.equal(existsSync(`${root}/memory/paddock-x`), false);
    await living.remove(); // its owner does not know yet
    const fresh = await driver.create();
    assert.equal(existsSync(fresh.joinFiles[0]?.replace('/cgroup.procs', '') ?? ''), true);
  });
});
