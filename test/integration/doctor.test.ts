import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { folderOf, parseMounts, parseOwnPaths } from '../../service/executor/cgroup/detect.ts';
import { repository } from '../harness/start-service.ts';

const reportSchema = z.object({
  ok: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

/** @param first what the shell does before it, with mounts of its own */
const doctor = (first = 'true') => {
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', `${first} && exec scripts/paddock doctor --json`], {
    cwd: repository,
  });
  const { ok, checks } = reportSchema.parse(JSON.parse(ran.stdout.toString()));
  const cgroup = checks.find((check) => check.name === 'cgroup');
  return { outcome: { ok, code: ran.status, cgroupOk: cgroup?.ok }, detail: cgroup?.detail ?? '' };
};
const well = { ok: true, code: 0, cgroupOk: true };
const ill = { ok: false, code: 1, cgroupOk: false };

const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
const ownPaths = parseOwnPaths(readFileSync('/proc/self/cgroup', 'utf8'));
const { cpu, pids } = mounts.v1;
const tight = cpu && join(folderOf(cpu, ownPaths.cpu ?? ''), `paddock-test-${process.pid}`);
const needsRoot = process.getuid?.() === 0 ? false : 'not root';
const needsV1 = needsRoot || (!(cpu && pids) && 'needs cgroup v1');

after(() => {
  if (tight !== undefined && existsSync(tight)) rmdirSync(tight);
});

test('the doctor sets a limit and leaves nothing', { skip: needsRoot }, () => {
  assert.deepEqual(doctor().outcome, well);
  const mount = (cpu ?? mounts.v2)?.point ?? '';
  const left = readdirSync(mount, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.includes('paddock-doctor'),
  );
  assert.deepEqual(left, []);
});

test('a group with less CPU than sandboxes ask for is no hindrance', { skip: needsV1 }, () => {
  assert.ok(tight !== undefined);
  mkdirSync(tight);
  writeFileSync(join(tight, 'cpu.cfs_quota_us'), '40000');
  assert.deepEqual(doctor(`echo $$ > ${join(tight, 'cgroup.procs')}`).outcome, well);
});

test('the doctor sees that a limit is refused, although all is mounted and writable', {
  skip: needsV1,
}, () => {
  assert.ok(pids);
  const own = folderOf(pids, ownPaths.pids ?? '');
  // Room for its folders and for no file in them.
  const depth = own.split('/').length - pids.point.split('/').length;
  const covered = `mount -t tmpfs -o nr_inodes=${depth + 3} none ${pids.point} && mkdir -p ${own}`;
  const { outcome, detail } = doctor(covered);
  assert.deepEqual(outcome, ill);
  assert.match(detail, /^v1, but a limit could not be set: ENOSPC/);
});
