import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SandboxLayout, startArguments } from '../../../../service/executor/sandbox/arguments.ts';

const layout: SandboxLayout = {
  bwrap: '/usr/bin/bwrap',
  init: '/p/init',
  etc: '/run/etc',
  stage: '/run/slot/stage',
  streams: {
    stdin: '/run/slot/in',
    stdout: '/run/slot/out',
    stderr: '/run/slot/err',
    control: '/run/slot/ctl',
  },
  seccomp: '/run/seccomp.bpf',
  joinFiles: ['/cg/memory/s/cgroup.procs', '/cg/pids/s/cgroup.procs'],
  uid: 200_001,
  scratchBytes: 64 * 1024 * 1024,
  scratchInodes: 4_096,
  shown: [
    { source: '/images/python', target: '/opt/paddock/runtime' },
    { source: '/opt/jdk', target: '/opt/jdk' },
    { source: '/nested', target: '/opt/paddock/a/b' },
  ],
  links: { prepared: '/work' },
  warmCommand: ['python3', '-c', '--'],
  env: { LANG: 'C', EMPTY: '' },
};

/** The launcher's part and bubblewrap's. */
const parts = (changed: Partial<SandboxLayout> = {}) => {
  const args = startArguments({ ...layout, ...changed });
  const divide = args.indexOf('--');
  return { launch: args.slice(0, divide), bwrap: args.slice(divide + 1) };
};
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
    for (const [name, path] of Object.entries(layout.streams))
      assert.deepEqual(uses(launch, `--${name}`, 1), [[path]]);
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
    assert.ok(bwrap.indexOf('--remount-ro') > bwrap.lastIndexOf('--ro-bind'), 'after the last mount');
    for (const option of ['--dev-bind', '--share-net', '--cap-add', '--setenv'])
      assert.ok(!bwrap.includes(option));
  });
});
