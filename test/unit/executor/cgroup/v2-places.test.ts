import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { detectCgroup } from '../../../../service/executor/cgroup/detect.ts';

/*
 * Folders laid out like a v2 mount: plain files take every write, and keep the last. What the kernel would refuse
 * (a group with processes and children) cannot be tried here, only where the groups are made.
 */
let mount: string;
const group = (path: string, pids: readonly number[], controllers = 'cpuset cpu io memory pids'): string => {
  const folder = join(mount, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/cgroup.controllers`, `${controllers}\n`);
  writeFileSync(`${folder}/cgroup.procs`, pids.map((pid) => `${pid}\n`).join(''));
  return folder;
};
const find = (own: string, isRoot: boolean, root = '/') =>
  detectCgroup(
    'place-0',
    (path) =>
      ({
        '/proc/self/mountinfo': `35 25 0:30 ${root} ${mount} rw,nosuid - cgroup2 cgroup2 rw\n`,
        '/proc/self/cgroup': `0::${own}\n`,
      })[path],
    isRoot,
  );

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'paddock-v2-'));
});
afterEach(() => rmSync(mount, { recursive: true }));

describe('where the groups of sandboxes are on v2', () => {
  it('is below the own group where this process is alone in it', async () => {
    group('', []);
    const own = group('nomad/task', [process.pid]);
    // The group for sandboxes needs the controllers too; a real kernel makes the file with the folder.
    group('nomad/task/paddock-place-0', []);
    const found = find('/nomad/task', true);
    assert.ok(found.driver);
    assert.equal(readFileSync(`${own}/paddock-executor/cgroup.procs`, 'utf8'), String(process.pid));
    assert.equal(readFileSync(`${own}/cgroup.subtree_control`, 'utf8'), '+memory +pids +cpu');
    assert.deepEqual((await found.driver.create()).joinFiles, [
      `${own}/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
  });

  it('is at the top for root where others share the own group, and leaves them alone', async () => {
    group('', []);
    const own = group('user.slice/session-3', [1, process.pid]);
    group('paddock-place-0', []);
    const found = find('/user.slice/session-3', true);
    assert.ok(found.driver);
    assert.deepEqual((await found.driver.create()).joinFiles, [
      `${mount}/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
    assert.equal(readFileSync(`${own}/cgroup.procs`, 'utf8'), `1\n${process.pid}\n`);
  });

  it('is below the own group with its processes moved where it was delegated', async () => {
    const own = group('user@1000/scope', [process.pid, process.ppid]);
    group('user@1000/scope/paddock-place-0', []);
    const found = find('/user@1000/scope', false);
    assert.ok(found.driver);
    assert.equal(readFileSync(`${own}/paddock-executor/cgroup.procs`, 'utf8'), String(process.ppid));
  });

  it('counts the own path from the group that is mounted', async () => {
    const own = group('task', [process.pid]);
    group('task/paddock-place-0', []);
    const found = find('/docker/abc/task', false, '/docker/abc');
    assert.ok(found.driver);
    assert.deepEqual((await found.driver.create()).joinFiles, [
      `${own}/paddock-place-0/sandbox-0/cgroup.procs`,
    ]);
  });

  it('names the controllers that are missing', async () => {
    group('scope', [process.pid], 'cpu pids');
    const found = find('/scope', false);
    assert.ok(!found.driver);
    assert.match(found.reason, /the controllers memory are not handed down to .*scope/);
  });

  it('tells where the own group is not delegated', async () => {
    const found = find('/nowhere', false);
    assert.ok(!found.driver);
    assert.match(found.reason, /nowhere is not delegated to this user/);
  });
});
