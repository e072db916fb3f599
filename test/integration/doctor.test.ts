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

/** @param joined a file of processes into which it writes itself first */
const doctor = (joined?: string) => {
  const enter = joined === undefined ? '' : `echo $$ > ${joined} && `;
  const ran = spawnSync('sh', ['-c', `${enter}exec scripts/paddock doctor --json`], { cwd: repository });
  const { ok, checks } = reportSchema.parse(JSON.parse(ran.stdout.toString()));
  return { ok, code: ran.status, cgroup: checks.find((check) => check.name === 'cgroup') };
};

const isRoot = process.getuid?.() === 0;
const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
const cpu = mounts.v1.cpu;
const needsRoot = isRoot ? false : 'not root';
const ownPath = parseOwnPaths(readFileSync('/proc/self/cgroup', 'utf8')).cpu ?? '';
const tight = cpu && join(folderOf(cpu, ownPath), `paddock-test-${process.pid}`);

after(() => {
  if (tight !== undefined && existsSync(tight)) rmdirSync(tight);
});

test('the doctor sets a limit and leaves nothing', { skip: needsRoot }, () => {
  const { ok, code, cgroup } = doctor();
  assert.deepEqual({ ok, code, cgroupOk: cgroup?.ok }, { ok: true, code: 0, cgroupOk: true });
  const mount = (cpu ?? mounts.v2)?.point ?? '';
  const left = readdirSync(mount, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.includes('paddock-doctor'),
  );
  assert.deepEqual(left, []);
});

test('the doctor sees that a limit is refused, although everything is mounted and writable', {
  skip: needsRoot || (tight === undefined && 'cgroup v1 alone refuses a group more CPU than its parent'),
}, () => {
  assert.ok(tight !== undefined);
  mkdirSync(tight);
  writeFileSync(join(tight, 'cpu.cfs_quota_us'), '10000');
  const { ok, code, cgroup } = doctor(join(tight, 'cgroup.procs'));
  assert.deepEqual({ ok, code, cgroupOk: cgroup?.ok }, { ok: false, code: 1, cgroupOk: false });
  assert.match(cgroup?.detail ?? '', /^v1, but a limit could not be set: EINVAL/);
});
