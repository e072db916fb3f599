import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import {
  detectCgroup,
  folderOf,
  parseMounts,
  parseOwnPaths,
} from '../../../../service/executor/cgroup/detect.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const line = (mountPoint: string, type: string, options: string, root = '/'): string =>
  `36 31 0:32 ${root} ${mountPoint} rw,nosuid shared:9 - ${type} ${type} rw,${options}`;
const other = '23 1 254:1 / / rw,relatime - ext4 /dev/vda rw';

const debianV1 = [
  other,
  '31 23 0:28 / /sys/fs/cgroup ro,relatime - tmpfs tmpfs rw,mode=755',
  line('/sys/fs/cgroup/unified', 'cgroup2', 'nsdelegate'),
  line('/sys/fs/cgroup/systemd', 'cgroup', 'xattr,name=systemd'),
  line('/sys/fs/cgroup/memory', 'cgroup', 'memory'),
  line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'cpu,cpuacct'),
  line('/sys/fs/cgroup/pids', 'cgroup', 'pids'),
  '',
].join('\n');

describe('the mounts of cgroups', () => {
  test('of v1, co-mounted controllers, and the hybrid v2', async () => {
    const { v1, v2 } = parseMounts(debianV1);
    assert.deepEqual(
      [v1.memory, v1.pids, v1.cpu, v1.cpuacct, v2].map((mount) => mount?.point),
      [
        '/sys/fs/cgroup/memory',
        '/sys/fs/cgroup/pids',
        '/sys/fs/cgroup/cpu,cpuacct',
        '/sys/fs/cgroup/cpu,cpuacct',
        '/sys/fs/cgroup/unified',
      ],
    );
  });

  test('of v2 alone, and of nothing', async () => {
    assert.deepEqual(parseMounts(`${other}\n${line('/sys/fs/cgroup', 'cgroup2', 'nsdelegate')}\n`), {
      v1: {},
      v2: { point: '/sys/fs/cgroup', root: '' },
    });
    assert.deepEqual(parseMounts(`${other}\ngarbage\n`), { v1: {}, v2: undefined });
  });

  test('take the first of several', async () => {
    const { v1, v2 } = parseMounts(
      ['/a', '/b'].flatMap((at) => [line(at, 'cgroup', 'pids'), line(`${at}2`, 'cgroup2', 'x')]).join('\n'),
    );
    assert.deepEqual([v1.pids?.point, v2?.point], ['/a', '/a2']);
  });
});

test('the own folder is counted from the group that is mounted, as in a container', async () => {
  const { v1 } = parseMounts(line('/sys/fs/cgroup/memory', 'cgroup', 'memory', '/docker/ab'));
  const { memory } = v1;
  assert.ok(memory);
  assert.equal(folderOf(memory, '/docker/ab'), '/sys/fs/cgroup/memory');
  assert.equal(folderOf(memory, '/docker/ab/job'), '/sys/fs/cgroup/memory/job');
  assert.equal(
    folderOf(memory, '/docker/abc'),
    '/sys/fs/cgroup/memory/docker/abc',
    'another that starts alike',
  );
  assert.equal(folderOf({ point: '/cg', root: '' }, ''), '/cg');
  assert.equal(folderOf({ point: '/cg', root: '' }, '/a/b'), '/cg/a/b');
});

test('own paths, the root as nothing, names with colons and commas', async () => {
  const paths = parseOwnPaths(
    '9:name=systemd:/\n4:memory:/group/a:b\n2:cpu,cpuacct:/both\n0::/user.slice/x.scope\nnonsense\n',
  );
  assert.deepEqual(
    { ...paths },
    {
      'name=systemd': '',
      memory: '/group/a:b',
      cpu: '/both',
      cpuacct: '/both',
      '': '/user.slice/x.scope',
    },
  );
});

/** A machine whose cgroup mounts are plain folders. */
const machine = (context: TestContext, mounts: (root: string) => string[], own: string, isRoot = false) => {
  const root = temporaryFolder(context);
  const texts: Record<string, string> = {
    '/proc/self/mountinfo': [other, ...mounts(root)].join('\n'),
    '/proc/self/cgroup': own,
  };
  const make = (path: string, files: Readonly<Record<string, string>> = {}): void => {
    mkdirSync(`${root}/${path}`, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(`${root}/${path}/${name}`, text);
  };
  const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
  const detect = () => detectCgroup('place-0', (path) => texts[path], isRoot);
  const refused = (): string => {
    const finding = detect();
    assert.ok(finding.driver === undefined);
    return finding.reason;
  };
  const driver = () => {
    const finding = detect();
    assert.ok(finding.driver, 'reason' in finding ? finding.reason : '');
    return finding.driver;
  };
  return { root, make, read, refused, driver };
};

const v1Mounts = (names: readonly string[]) => (root: string) =>
  names.map((name) => line(`${root}/${name}`, 'cgroup', name));
const v1Names = ['memory', 'cpu,cpuacct', 'pids'];

describe('finding cgroup v1', () => {
  test('makes its folder below the own path of each controller', async (context) => {
    const { root, make, driver } = machine(
      context,
      v1Mounts(v1Names),
      '3:memory:/job\n2:cpu,cpuacct:/\n1:pids:/p/q\n0::/\n',
    );
    for (const path of ['memory/job', 'cpu,cpuacct', 'pids/p/q']) make(path);
    const found = driver();
    assert.equal(found.version, 'v1');
    assert.deepEqual([...(await found.create()).joinFiles].sort(), [
      `${root}/cpu,cpuacct/paddock-place-0/sandbox-0/cgroup.procs`,
      `${root}/memory/job/paddock-place-0/sandbox-0/cgroup.procs`,
      `${root}/pids/p/q/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
  });

  test('goes before v2 in a hybrid', async (context) => {
    const mounts = (root: string) => [line(`${root}/unified`, 'cgroup2', 'x'), ...v1Mounts(v1Names)(root)];
    const { make, driver } = machine(context, mounts, '0::/\n');
    for (const path of [...v1Names, 'unified']) make(path);
    assert.equal(driver().version, 'v1');
  });

  test('names the controllers that this user cannot write, or that are not mounted', async (context) => {
    const unwritable = machine(context, v1Mounts(v1Names), '1:pids:/gone\n');
    for (const path of v1Names) unwritable.make(path);
    assert.match(unwritable.refused(), /v1 controllers pids are not writable/);
    const partly = machine(context, v1Mounts(['memory', 'cpu']), '');
    assert.match(partly.refused(), /v1 controllers pids, cpuacct are not mounted/);
    assert.match(machine(context, () => [], '').refused(), /no cgroup file system/);
  });
});

describe('finding cgroup v2', () => {
  const mounts = (root: string) => [line(`${root}/cg`, 'cgroup2', 'nsdelegate')];
  const OFFERED = 'cpuset cpu io memory pids\n';
  const ALL = '+memory +pids +cpu';
  const ROOT = true;

  /** A group that can be divided; the kernel would make the files of the folder in it. */
  const group = (make: ReturnType<typeof machine>['make'], path: string, procs = ''): void => {
    make(path, { 'cgroup.controllers': OFFERED, 'cgroup.procs': procs });
    make(`${path}/paddock-place-0`, { 'cgroup.controllers': OFFERED });
  };

  test('alone in its group, divides that', async (context) => {
    const { root, make, read, driver } = machine(context, mounts, '0::/service\n', ROOT);
    group(make, 'cg/service', `${process.pid}\n`);
    group(make, 'cg');
    const found = driver();
    assert.equal(found.version, 'v2');
    assert.deepEqual((await found.create()).joinFiles, [
      `${root}/cg/service/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
    assert.equal(read('cg/service/paddock-executor/cgroup.procs'), String(process.pid));
    assert.equal(read('cg/service/cgroup.subtree_control'), ALL);
    assert.equal(read('cg/service/paddock-place-0/cgroup.subtree_control'), ALL);
  });

  test('as root among others, divides the root group and moves nobody', async (context) => {
    const { root, make, read, driver } = machine(context, mounts, '0::/session\n', ROOT);
    // A login session has no cpu controller on Debian.
    make('cg/session', { 'cgroup.controllers': 'memory pids\n', 'cgroup.procs': `1\n${process.pid}\n` });
    group(make, 'cg');
    assert.deepEqual((await driver().create()).joinFiles, [
      `${root}/cg/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
    assert.equal(read('cg/cgroup.subtree_control'), ALL);
    assert.equal(existsSync(`${root}/cg/session/paddock-executor`), false);
  });

  test('as a user, moves all of the delegated group: it holds either groups or processes', async (context) => {
    const { root, make, read, driver } = machine(context, mounts, '0::/user/x.scope\n');
    group(make, 'cg/user/x.scope', `${process.pid}\n4194304\n`);
    group(make, 'cg');
    assert.deepEqual((await driver().create()).joinFiles, [
      `${root}/cg/user/x.scope/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
    // Here a write replaces the one before it, so the last one moved is seen.
    assert.equal(read('cg/user/x.scope/paddock-executor/cgroup.procs'), '4194304');
    assert.equal(existsSync(`${root}/cg/cgroup.subtree_control`), false, 'the root group is not a user’s');
  });

  test('says which controllers are not handed down, or that the group is not', async (context) => {
    const few = machine(context, mounts, '0::/x\n');
    few.make('cg/x', { 'cgroup.controllers': 'memory pids\n' });
    assert.match(few.refused(), /controllers cpu are not handed down/);
    const bare = machine(context, mounts, '0::/x\n');
    bare.make('cg/x', {});
    assert.match(bare.refused(), /controllers memory, pids, cpu are not/);
    assert.match(machine(context, mounts, '0::/x\n').refused(), /not delegated to this user/);
  });

  test('says why it cannot be divided', async (context) => {
    const { make, refused } = machine(context, mounts, '0::/\n', ROOT);
    make('cg', { 'cgroup.controllers': OFFERED });
    make('cg/cgroup.subtree_control'); // a folder, which cannot be written to
    assert.match(refused(), /EISDIR/);
  });
});
