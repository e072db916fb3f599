import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withKey } from '../../../../service/executor/runtimes/stage-plan.ts';
import { startForkServer } from '../../../../service/executor/sandbox/fork-server.ts';
import type { SandboxSpec } from '../../../../service/executor/sandbox/port.ts';
import type { Slot } from '../../../../service/executor/sandbox/slots.ts';
import { countedCgroups, countedSlots, fakeLauncher } from './fake-launcher.ts';
import { interpreter, plain, serves } from './fork-setup.ts';

const listener = { said: () => {}, output: () => {}, outputEnded: () => {} };
const slot = { number: 4, uid: 5_004, stage: '/slots/4/stage', stdin: '/slots/4/in' };

const started = async (spec: SandboxSpec, root = true) => {
  const launcher = fakeLauncher(serves);
  const serverSlots = countedSlots(root ? 9_000 : undefined);
  const cgroups = countedCgroups();
  const server = await startForkServer(
    {
      ...{ bwrap: '/bwrap', launcher, forksProgram: '/forks', forksLibrary: '/forks.so', etc: '/etc' },
      ...{ seccompPath: '/filter', serverSlots, cgroups, startTimeoutMs: 1_000 },
      uids: root ? { first: 5_000, count: 100 } : undefined,
    },
    spec,
  );
  /** The request as the launcher gets it, for this spec. */
  const requestFor = (own: SandboxSpec, of: Slot = slot) => {
    server.fork(own, of, ['/cg/s/cgroup.procs'], listener);
    return launcher.forks.at(-1)?.request ?? assert.fail();
  };
  return { launcher, serverSlots, cgroups, server, requestFor };
};

const fieldsOf = (fields: readonly string[]) => {
  const [uid, bytes, inodes, ahead, count, ...rest] = fields;
  return { uid, bytes, inodes, ahead, command: rest.slice(0, Number(count)), env: rest.slice(Number(count)) };
};

describe('what a fork server is asked', () => {
  test('names the server, the input, the group of the outputs and the cgroups', async () => {
    const { launcher, requestFor } = await started(plain);
    const { fields: _, ...head } = requestFor(plain);
    const server = launcher.starts[0]?.number;
    assert.deepEqual(head, {
      ...{ server, stdin: '/slots/4/in', group: 5_004, joinFiles: ['/cg/s/cgroup.procs'] },
    });
  });

  test('gives each slot a uid of its own, none of them the server’s, and scratch space of the spec’s size', async () => {
    const { requestFor } = await started(plain);
    const limits = { ...plain.limits, scratchMb: 3, scratchFiles: 100 };
    const { uid, bytes, inodes } = fieldsOf(requestFor({ ...plain, limits }).fields);
    assert.deepEqual([uid, bytes], ['5', String(3 * 1024 * 1024)]);
    assert.ok(Number(inodes) > 100 && Number(inodes) < 200, 'the limit and what we need ourselves');
    assert.equal(fieldsOf(requestFor(plain, { ...slot, number: 0, uid: 5_000 }).fields).uid, '1');
  });

  test('leaves the uid the server’s own where the executor is not root', async () => {
    const { requestFor } = await started(plain, false);
    const { group, fields } = requestFor(plain, { ...slot, uid: undefined });
    assert.deepEqual([group, fieldsOf(fields).uid], [-1, '0']);
  });

  test('says what is started ahead: nothing, a command with its environment, or the interpreter itself', async () => {
    const bare = { shown: [], env: { A: '1', B: 'x=y' }, limits: plain.limits };
    const command = withKey({ ...bare, warmCommand: ['lang', ''] }, { interpreter: false });
    const { requestFor } = await started(plain);
    const about = (spec: SandboxSpec) => {
      const { ahead, command: told, env } = fieldsOf(requestFor(spec).fields);
      return [ahead, told, env];
    };
    assert.deepEqual(about(withKey(bare, { interpreter: false })), ['nothing', [], []]);
    assert.deepEqual(about(command), ['command', ['lang', ''], ['A=1', 'B=x=y']]);
    assert.deepEqual(about(interpreter), ['caller', [], []]);
  });
});

describe('a fork server', () => {
  test('is the interpreter with its environment and the library, or the program without one', async () => {
    const env = { LANG: 'C' };
    const own = withKey({ ...interpreter, env }, { interpreter: true });
    const { launcher } = await started(own);
    const args = launcher.starts[0]?.args ?? [];
    assert.ok(args.includes('/forks.so') && !args.includes('/forks'));
    assert.ok(args.includes('LANG=C'));
    assert.deepEqual(args.slice(-2), ['lang', 'main.l']);
    const none = (await started(withKey({ ...plain, env }, { interpreter: false }))).launcher.starts[0]?.args;
    assert.ok(none?.includes('/forks') && !none.includes('/forks.so'));
    assert.ok(!none?.includes('LANG=C'), 'it serves sandboxes with any environment');
  });

  test('counts what it was asked for', async () => {
    const { server, requestFor } = await started(plain);
    requestFor(plain);
    requestFor(plain);
    assert.equal(server.forked, 2);
  });

  test('frees its slot and its cgroup with its end', async () => {
    const { server, serverSlots, cgroups, launcher } = await started(plain);
    assert.deepEqual([serverSlots.taken, cgroups.living], [1, 1]);
    await server.destroy();
    assert.equal(launcher.starts[0]?.killed, true);
    assert.deepEqual([serverSlots.taken, cgroups.living], [0, 0]);
    const other = await started(plain);
    other.launcher.starts[0]?.die();
    await other.server.dead;
    assert.deepEqual([other.serverSlots.taken, other.cgroups.living], [0, 0]);
  });
});
