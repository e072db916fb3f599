import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import type { Cgroup, CgroupDriver } from '../../../../service/executor/cgroup/port.ts';
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

  test('gets the CPU that the groups above it have where it asks for more, also when that changes', async (context) => {
    const { root } = mounted(context);
    mkdirSync(`${root}/above/own`, { recursive: true });
    const place = (folder: string, quota: number) => {
      writeFileSync(`${folder}/cpu.cfs_quota_us`, String(quota));
      writeFileSync(`${folder}/cpu.cfs_period_us`, '50000');
    };
    place(`${root}/above`, 75_000);
    place(`${root}/above/own`, -1);
    const folder = `${root}/above/own/paddock-x`;
    const driver = v1Driver({ memory: folder, pids: folder, cpu: folder, cpuacct: folder });
    const given = async (cpus: number) => {
      (await driver.create()).limit({ ...limits, cpus });
      const last = readdirSync(folder).at(-1);
      return readFileSync(`${folder}/${last}/cpu.cfs_quota_us`, 'utf8');
    };
    assert.deepEqual([await given(1), await given(1.5), await given(4)], ['100000', '150000', '150000']);
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
  /** So many have to rest before one is used again. */
  const RESTING = 8;
  const own = (file: string): string => file.replace('/', '/paddock-x/sandbox-0/');
  const several = (driver: CgroupDriver, count: number): Promise<Cgroup[]> =>
    Promise.all(Array.from({ length: count }, () => driver.create()));
  const giveBack = async (cgroups: readonly Cgroup[]): Promise<void> => {
    for (const cgroup of cgroups) await cgroup.remove();
  };
  const folderOf = ({ joinFiles: [file = ''] }: Cgroup): string => file.replace('/cgroup.procs', '');

  test('rests, and is then a sandbox’s again, its counters at zero', async (context) => {
    const { driver, read, put } = mounted(context);
    const used = await several(driver, RESTING);
    put(own('memory/memory.max_usage_in_bytes'), '99999999\n');
    put(own('cpuacct/cpuacct.usage'), '5000000\n');
    await giveBack(used.slice(0, -1));
    const fresh = await driver.create();
    assert.ok(!used.some((cgroup) => folderOf(cgroup) === folderOf(fresh)), 'too few rest');
    await giveBack(used.slice(-1));
    const again = await driver.create();
    assert.deepEqual(again.joinFiles, used[0]?.joinFiles, 'the one that rested longest');
    assert.equal(read(own('memory/memory.max_usage_in_bytes')), '0');
    assert.equal(read(own('cpuacct/cpuacct.usage')), '0');
    assert.deepEqual(again.usage(), { cpuNs: 0, memoryPeakBytes: 0 });
    const all = [...used.slice(1), fresh, again, await driver.create()];
    assert.equal(new Set(all.map(folderOf)).size, all.length, 'what is in use is nobody else’s');
  });

  const LITTLE = 512 * 1024;
  const quiet: [what: string, file: string, text: string, kept: boolean][] = [
    ['nothing was refused', 'pids/pids.events', 'max 0\n', true],
    ['a fork was refused', 'pids/pids.events', 'max 1\n', false],
    ['nothing was killed', 'memory/memory.oom_control', 'under_oom 0\noom_kill 0\n', true],
    ['the kernel killed for memory', 'memory/memory.oom_control', 'under_oom 0\noom_kill 1\n', false],
    ['no process is left', 'pids/pids.current', '0\n', true],
    ['a process is left', 'pids/pids.current', '1\n', false],
    ['little memory is left', 'memory/memory.usage_in_bytes', `${LITTLE}\n`, true],
  ];
  for (const [what, file, text, kept] of quiet) {
    test(`is ${kept ? 'kept' : 'removed'} where ${what}`, async (context) => {
      const { driver, put } = mounted(context);
      const [first, ...others] = await several(driver, RESTING + 1);
      assert.ok(first);
      put(own(file), text);
      if (kept) await first.remove();
      else await assert.rejects(first.remove(), REMOVING);
      await giveBack(others);
      assert.equal(folderOf(await driver.create()) === folderOf(first), kept);
    });
  }

  test('is removed where the kernel has not let go of its memory by then', async (context) => {
    const { driver, put } = mounted(context);
    const used = await several(driver, RESTING);
    await giveBack(used);
    put(own('memory/memory.usage_in_bytes'), `${LITTLE + 4_096}\n`);
    await assert.rejects(driver.create(), REMOVING);
    const next = await driver.create();
    assert.ok(!used.some((cgroup) => folderOf(cgroup) === folderOf(next)));
  });

  test('twice by the same owner is still one: two sandboxes never share it', async (context) => {
    const { driver } = mounted(context);
    const used = await several(driver, RESTING);
    await used[0]?.remove();
    await giveBack(used);
    const [a, b] = [await driver.create(), await driver.create()];
    assert.notDeepEqual(a.joinFiles, b.joinFiles);
  });

  test('has its limits written again only where they differ', async (context) => {
    const { driver, read, put } = mounted(context);
    const used = await several(driver, RESTING);
    used[0]?.limit(limits);
    await giveBack(used);
    put(own('pids/pids.max'), 'untouched');
    const again = await driver.create();
    again.limit(limits);
    assert.equal(read(own('pids/pids.max')), 'untouched');
    for (const changed of [{ memoryMb: 512 }, { processes: 65 }, { cpus: 1 }]) {
      again.limit({ ...limits, ...changed });
      assert.notEqual(read(own('pids/pids.max')), 'untouched', JSON.stringify(changed));
      again.limit(limits);
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
    const all = await several(driver, 66);
    await giveBack(all);
    const kept = all.map((cgroup) => existsSync(folderOf(cgroup)));
    assert.deepEqual([kept.indexOf(false), kept.length], [64, 66]);
  });

  test('goes with all the others when the folder is cleared', async (context) => {
    const { root, driver } = mounted(context);
    const used = await several(driver, RESTING);
    await giveBack(used);
    await driver.clear();
    assert.equal(existsSync(`${root}/memory/paddock-x`), false);
    const fresh = await driver.create();
    assert.ok(!used.some((cgroup) => folderOf(cgroup) === folderOf(fresh)));
    assert.equal(existsSync(folderOf(fresh)), true);
  });

  test('comes back to nobody where it was cleared away under its owner', async (context) => {
    const { driver } = mounted(context);
    const living = await driver.create();
    await driver.clear();
    await living.remove();
    await giveBack(await several(driver, RESTING));
    assert.equal(existsSync(folderOf(await driver.create())), true);
  });
});
