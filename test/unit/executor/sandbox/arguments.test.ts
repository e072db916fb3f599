import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type SandboxLayout,
  type ServerLayout,
  serverArguments,
  startArguments,
} from '../../../../service/executor/sandbox/arguments.ts';

const common = {
  bwrap: '/usr/bin/bwrap',
  etc: '/run/etc',
  stage: '/run/slot/stage',
  stdin: '/run/slot/in',
  seccomp: '/run/seccomp.bpf',
  joinFiles: ['/cg/memory/s/cgroup.procs', '/cg/pids/s/cgroup.procs'],
  uid: 200_001,
  shown: [
    { source: '/images/python', target: '/opt/paddock/runtime' },
    { source: '/opt/jdk', target: '/opt/jdk' },
    { source: '/nested', target: '/opt/paddock/a/b' },
  ],
  links: { prepared: '/work' },
  env: { LANG: 'C', EMPTY: '' },
};
const layout: SandboxLayout = {
  ...common,
  init: '/p/init',
  scratchBytes: 64 * 1024 * 1024,
  scratchInodes: 4_096,
  warmCommand: ['python3', '-c', '--'],
};

/** The launcher's part and bubblewrap's. */
const divided = (args: readonly string[]) => {
  const divide = args.indexOf('--');
  return { launch: args.slice(0, divide), bwrap: args.slice(divide + 1) };
};
const parts = (changed: Partial<SandboxLayout> = {}) => divided(startArguments({ ...layout, ...changed }));
/** Every run of arguments that starts with `option`. */
const uses = (args: readonly string[], option: string, count: number): string[][] =>
  args.flatMap((arg, index) => (arg === option ? [args.slice(index + 1, index + 1 + count)] : []));

describe('the request that starts a sandbox', () => {
  test('goes launcher, bubblewrap, first process, warm program', () => {
    const { bwrap } = parts();
    assert.equal(bwrap[0], '/usr/bin/bwrap');
    assert.deepEqual(bwrap.slice(-6), ['--seccomp', '4', '/opt/paddock/init', 'python3', '-c', '--']);
    assert.deepEqual(parts({ warmCommand: [] }).bwrap.slice(-1), ['/opt/paddock/init']);
  });

  test('the launcher joins every cgroup, drops to the uid, and limits the scratch space', () => {
    const { launch } = parts();
    assert.deepEqual(uses(launch, '--join', 1).flat(), layout.joinFiles);
    assert.deepEqual(uses(launch, '--uid', 1), [['200001']]);
    assert.deepEqual(uses(launch, '--scratch-bytes', 1), [['67108864']]);
    const inodes = Number(uses(launch, '--scratch-inodes', 1)[0]?.[0]);
    assert.ok(inodes >= 4_096 && inodes < 4_200, 'the limit and what we need ourselves');
    assert.deepEqual(uses(launch, '--stdin', 1), [['/run/slot/in']]);
    assert.deepEqual(uses(launch, '--seccomp', 1), [['/run/seccomp.bpf']]);
    assert.deepEqual(uses(launch, '--env', 1), [['LANG=C'], ['EMPTY=']]);
    assert.deepEqual(uses(launch, '--link', 2), [['/work', 'prepared']]);
    assert.deepEqual(uses(parts({ uid: undefined }).launch, '--uid', 1), [['self']]);
  });

  test('shown paths go below /opt/paddock by name, others through a mount of their own', () => {
    const { launch, bwrap } = parts();
    assert.deepEqual(uses(launch, '--show', 2), [
      ['/p/init', 'init'],
      ['/images/python', 'runtime'],
      ['/opt/jdk', 'shown-1'],
      ['/nested', 'shown-2'],
    ]);
    const bound = uses(bwrap, '--ro-bind', 2);
    assert.deepEqual(bound.slice(-2), [
      ['/run/slot/stage/mnt/shown-1', '/opt/jdk'],
      ['/run/slot/stage/mnt/shown-2', '/opt/paddock/a/b'],
    ]);
  });

  test('unshares everything and binds nothing writable but the scratch space', () => {
    const { bwrap } = parts();
    for (const option of ['user', 'pid', 'ipc', 'uts', 'net', 'cgroup-try']) {
      assert.ok(bwrap.includes(`--unshare-${option}`), option);
    }
    for (const option of ['--die-with-parent', '--new-session', '--as-pid-1'])
      assert.ok(bwrap.includes(option));
    assert.deepEqual(
      uses(bwrap, '--bind', 2).map(([, target]) => target),
      ['/work', '/tmp', '/dev/shm'],
    );
    assert.ok(uses(bwrap, '--bind', 2).every(([source]) => source?.startsWith('/run/slot/stage/')));
    assert.deepEqual(uses(bwrap, '--remount-ro', 1).flat(), ['/dev', '/']);
    assert.deepEqual(uses(bwrap, '--unshare-user', 4), [['--uid', '1000', '--gid', '1000']]);
    assert.ok(bwrap.indexOf('--remount-ro') > bwrap.lastIndexOf('--ro-bind'), 'after the last mount');
    for (const option of ['--dev-bind', '--share-net', '--cap-add', '--setenv'])
      assert.ok(!bwrap.includes(option));
  });
});

describe('the request that starts a fork server', () => {
  const server = (changed: Partial<ServerLayout> = {}) =>
    divided(
      serverArguments({
        ...common,
        forks: '/p/paddock-forks.so',
        interpreter: ['python3', 'main.py'],
        uids: { first: 300_000, count: 960 },
        ...changed,
      }),
    );

  test('goes launcher, bubblewrap, and the interpreter with the library, or the program alone', () => {
    assert.deepEqual(server().bwrap.slice(-5), [
      ...['--setenv', 'LD_PRELOAD', '/opt/paddock/forks'],
      ...['python3', 'main.py'],
    ]);
    const { launch, bwrap } = server({ interpreter: undefined, forks: '/p/paddock-forks' });
    assert.deepEqual(bwrap.slice(-1), ['/opt/paddock/forks']);
    assert.ok(!bwrap.includes('LD_PRELOAD'));
    assert.deepEqual(uses(launch, '--show', 2)[0], ['/p/paddock-forks', 'forks']);
    assert.ok(!launch.some((part) => part.includes('LD_PRELOAD')), 'bubblewrap would load it itself');
  });

  test('has a uid of its own and the range of its sandboxes’, in a user namespace of the launcher’s', () => {
    const { launch, bwrap } = server();
    assert.deepEqual(uses(launch, '--range', 2), [['300000', '960']]);
    assert.deepEqual(uses(launch, '--uid', 1), [['200001']]);
    assert.ok(!bwrap.includes('--unshare-user') && !bwrap.includes('--uid'));
  });

  test('has one uid alone where the executor is not root, in a user namespace of bubblewrap’s', () => {
    const { launch, bwrap } = server({ uid: undefined, uids: undefined });
    assert.deepEqual(uses(launch, '--range', 2), [['0', '0']]);
    assert.deepEqual(uses(launch, '--uid', 1), [['self']]);
    assert.deepEqual(uses(bwrap, '--unshare-user', 4), [['--uid', '0', '--gid', '0']]);
  });

  test('unshares all the rest and binds nothing writable at all', () => {
    const { launch, bwrap } = server();
    for (const option of ['pid', 'ipc', 'uts', 'net', 'cgroup-try'])
      assert.ok(bwrap.includes(`--unshare-${option}`), option);
    for (const option of ['--bind', '--dev-bind', '--tmpfs', '--share-net'])
      assert.ok(!bwrap.includes(option), option);
    assert.deepEqual(uses(bwrap, '--remount-ro', 1).flat(), ['/dev', '/']);
    assert.ok(bwrap.indexOf('--remount-ro') > bwrap.lastIndexOf('--ro-bind'), 'after the last mount');
    assert.ok(Number(uses(launch, '--scratch-bytes', 1)[0]?.[0]) <= 1024 * 1024, 'it keeps nothing');
    assert.deepEqual(uses(launch, '--join', 1).flat(), common.joinFiles);
  });

  test('makes every folder that its sandboxes, of other users, have to pass through', () => {
    const { bwrap } = server();
    const made = uses(bwrap, '--perms', 3);
    assert.ok(made.every(([mode, option]) => mode === '0755' && option === '--dir'));
    assert.deepEqual(
      made.map(([, , folder]) => folder),
      ['/opt', '/opt/paddock', '/opt/paddock/a', '/tmp', '/work'],
    );
  });
});
