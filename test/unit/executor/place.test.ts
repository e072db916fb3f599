import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { takePlace, UIDS_PER_PLACE } from '../../../service/executor/place.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Places are counted for each user of the machine: this one is nobody's. */
const USER = 3_000_000_000 + process.pid;

test('two executors on a machine have different places, folders and uids; a released one is free again', async (context) => {
  const state = temporaryFolder(context);
  const first = await takePlace(state, USER, 200_000);
  const second = await takePlace(state, USER, 200_000);
  context.after(() => second.release());
  assert.deepEqual([first.number, second.number], [0, 1]);
  assert.deepEqual([first.firstUid, second.firstUid], [200_000, 200_000 + UIDS_PER_PLACE]);
  assert.deepEqual([first.folder, second.folder], [`${state}/place-0`, `${state}/place-1`]);
  first.release();
  assert.equal(existsSync(first.folder), false);
  const third = await takePlace(state, USER, 200_000);
  context.after(() => third.release());
  assert.equal(third.number, 0);
});

test('a place is emptied of what was left in it, and others may pass through but not look', async (context) => {
  const state = temporaryFolder(context);
  const first = await takePlace(state, USER, undefined);
  assert.equal(first.firstUid, undefined);
  first.release();
  const again = `${state}/place-0`;
  const dead = await takePlace(state, USER, undefined);
  writeFileSync(`${dead.folder}/left`, 'x');
  dead.release();
  const next = await takePlace(state, USER, undefined);
  context.after(() => next.release());
  assert.deepEqual([next.folder, existsSync(`${again}/left`)], [again, false]);
  for (const folder of [state, next.folder]) assert.equal(statSync(folder).mode & 0o777, 0o711);
});

test('users do not get into each other’s way', async (context) => {
  const state = temporaryFolder(context);
  const mine = await takePlace(state, USER, undefined);
  const yours = await takePlace(`${state}/other`, USER + 1, undefined);
  assert.deepEqual([mine.number, yours.number], [0, 0]);
  mine.release();
  yours.release();
});

test('there is an end to them', async (context) => {
  const state = temporaryFolder(context);
  const places = await Promise.all(Array.from({ length: 64 }, () => takePlace(state, USER, undefined)));
  context.after(() =>
    places.forEach((place) => {
      place.release();
    }),
  );
  assert.equal(new Set(places.map(({ number }) => number)).size, 64);
  await assert.rejects(takePlace(state, USER, undefined), /64 executors/);
});

test('a state folder where there can be none is an error at once', () => {
  const script = `import { takePlace } from './service/executor/place.ts'; await takePlace('/proc/paddock/state', ${USER}, undefined);`;
  const { signal, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '../../..'),
    encoding: 'utf8',
    // Node's own way of making folders would go round for ever, and would hear no gentler signal.
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  assert.deepEqual([signal, status], [null, 1]);
  assert.match(stderr, /ENOENT.*\/proc\/paddock/);
});
