import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { withKey } from '../../service/executor/runtimes/stage-plan.ts';
import { createForkMaker, type ForkMaker } from '../../service/executor/sandbox/fork-maker.ts';
import type { Launched } from '../../service/executor/sandbox/launcher.ts';
import type { Sandbox, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { createSlots } from '../../service/executor/sandbox/slots.ts';
import { isAlive } from '../harness/processes.ts';
import {
  goWith,
  missingForSandboxes,
  nativeFolder,
  openSandboxMachine,
  PYTHON,
  type SandboxMachine,
  sandboxWays,
} from '../harness/sandbox-machine.ts';
import { waitFor } from '../harness/wait-for.ts';

const MINUTE = 60_000;
const SLOTS = 16;
/** Of the place's uids, what the machine's own maker leaves: it makes two sandboxes at most, and a few servers. */
const [UID, SERVER_UID] = [100, 1_000];
const [forked = assert.fail(), interpreted = assert.fail()] = sandboxWays.filter((way) => way.forked);

describe('sandboxes that are forked from servers', { skip: missingForSandboxes() }, () => {
  let machine: SandboxMachine;
  let maker: ForkMaker;
  /** In the order in which they were started, and what was forked from which (the index there). */
  let servers: (Launched & { readonly number: number })[];
  let forkedFrom: number[];
  let ms: number;
  let chance: number;
  let fallbacks: string[];
  let tests = 0;

  before(async () => {
    machine = await openSandboxMachine();
  });
  after(() => machine.close());
  beforeEach(() => {
    [servers, forkedFrom, ms, chance, fallbacks] = [[], [], 0, 0, []];
    const { launcher, placeFolder: place } = machine;
    // Not closed with this one: it is the machine's own.
    const single = { create: machine.maker.create, close: async () => {} };
    const folder = join(place, `test-${tests++}`);
    for (const path of [folder, `${folder}/slots`, `${folder}/servers`]) mkdirSync(path, { mode: 0o711 });
    maker = createForkMaker({
      ...{ bwrap: machine.bwrap, cgroups: machine.cgroups, single },
      launcher: {
        ...launcher,
        start(args, listener) {
          const launched = launcher.start(args, listener);
          servers.push(launched);
          return launched;
        },
        fork(request, listener) {
          forkedFrom.push(servers.findIndex(({ number }) => number === request.server));
          return launcher.fork(request, listener);
        },
      },
      ...{ etc: `${place}/etc`, seccompPath: `${place}/seccomp.bpf` },
      forksProgram: join(nativeFolder, 'paddock-forks'),
      forksLibrary: join(nativeFolder, 'paddock-forks.so'),
      slots: createSlots(`${folder}/slots`, machine.firstUid + UID, SLOTS),
      serverSlots: createSlots(`${folder}/servers`, machine.firstUid + SERVER_UID, 8),
      uids: { first: machine.firstUid + UID, count: SLOTS },
      ...{ startTimeoutMs: 20_000, forkTimeoutMs: 5_000 },
      onFallback: ({ message }) => fallbacks.push(message),
      now: () => ms,
      random: () => chance,
    });
  });
  afterEach(async () => {
    await maker.close();
    await Promise.all(servers.map(({ dead }) => dead));
    assert.deepEqual(
      servers.map(({ process: pid }) => isAlive(pid)),
      servers.map(() => false),
    );
    machine.assertNothingLeft(SLOTS);
  });

  const plain = (): SandboxSpec => forked.spec(machine);
  const saying = async (sandbox: Sandbox, spec: SandboxSpec, ...command: string[]): Promise<string> =>
    (await goWith(spec.forked?.interpreter ? interpreted : forked, spec, sandbox, command)).stdout.toString();
  const once = async (spec: SandboxSpec, ...command: string[]): Promise<string> => {
    const sandbox = await maker.create(spec);
    try {
      return await saying(sandbox, spec, ...command);
    } finally {
      await sandbox.destroy();
    }
  };

  test('come from one server that starts nothing, whatever the environment and the size', async () => {
    const sizes = [
      plain(),
      withKey({ ...plain(), limits: { ...plain().limits, scratchMb: 3 } }, plain().forked),
    ];
    const blocks: string[] = [];
    for (const spec of sizes) blocks.push(await once(spec, '/usr/bin/stat', '-f', '-c', '%b', '/work'));
    assert.deepEqual(blocks.map(Number), [8 * 256, 3 * 256]);
    assert.deepEqual(forkedFrom, [0, 0]);
    assert.deepEqual(maker.counters(), { forked: 2, fallbacks: 0, servers: 1 });
  });

  test('have a command started ahead that is not forked itself, with its environment', async () => {
    const script = 'printf R >&3; read -r -n 1 _ <&3; exec 3>&-; echo "$AHEAD"';
    const env = { ...plain().env, AHEAD: 'yes' };
    const spec = withKey(
      { ...plain(), env, warmCommand: ['/bin/bash', '-c', script] },
      { interpreter: false },
    );
    assert.equal(await once(spec, 'unused'), 'yes\n');
    assert.deepEqual([forkedFrom, fallbacks], [[0], []]);
  });

  test('of an interpreter come from three in turns: what they share differs between these', {
    skip: interpreted.skip,
  }, async () => {
    const spec = interpreted.spec(machine);
    await once(spec, '/bin/true');
    await waitFor(() => maker.counters().servers === 3, { what: 'three servers' });
    // What a program sees of the interpreter it was forked from: the seed of its hashes.
    const main = Buffer.from('print(hash("paddock"))');
    const seedFrom = async (from: number): Promise<string> => {
      chance = from / 3;
      const sandbox = await maker.create(spec);
      sandbox.put([{ name: 'main.py', content: main }]);
      const { stdout } = await sandbox.go({
        ...{ command: [], entry: 'main.py', args: [], env: spec.env, stdin: Buffer.alloc(0) },
        ...{ limits: spec.limits, wallMs: 10_000 },
      });
      await sandbox.destroy();
      return stdout.toString();
    };
    const seeds = [await seedFrom(0), await seedFrom(1), await seedFrom(2)];
    assert.equal(new Set(seeds).size, 3, seeds.join());
    assert.ok(seeds.every((seed) => /^-?\d+\n$/.test(seed)));
    assert.deepEqual([...forkedFrom.slice(-3)].sort(), [0, 1, 2]);
    assert.equal(await seedFrom(1), seeds[1]);
    assert.deepEqual([servers.length, fallbacks], [3, []]);
  });

  test('come from another server after 2,000', async () => {
    for (let made = 0; made < 2_000; made += SLOTS) {
      const some = await Promise.all(Array.from({ length: SLOTS }, () => maker.create(plain())));
      await Promise.all(some.map((sandbox) => sandbox.destroy()));
    }
    assert.equal(servers.length, 1);
    assert.equal(await once(plain(), '/bin/echo', 'on'), 'on\n');
    await waitFor(() => isAlive(servers[0]?.process ?? 0) === false, { what: 'the end of the old server' });
    assert.equal(await once(plain(), '/bin/echo', 'on'), 'on\n');
    assert.deepEqual([servers.length, forkedFrom.at(-1), fallbacks], [2, 1, []]);
    assert.deepEqual(maker.counters(), { forked: 2_002, fallbacks: 0, servers: 1 });
  });

  test('outlive the retirement of their server, which ends with the last of them', async () => {
    const [waiting, running] = [await maker.create(plain()), await maker.create(plain())];
    const end = saying(running, plain(), '/bin/sh', '-c', 'sleep 1; echo done');
    ms = 30 * MINUTE + 1;
    await (await maker.create(plain())).destroy();
    await waitFor(() => maker.counters().servers === 2, { what: 'the second server' });
    assert.equal(await once(plain(), '/bin/true'), '');
    assert.equal(forkedFrom.at(-1), 1);
    assert.equal(await end, 'done\n');
    await running.destroy();
    assert.equal(isAlive(servers[0]?.process ?? 0), true);
    assert.equal(await saying(waiting, plain(), '/bin/echo', 'late'), 'late\n');
    await waiting.destroy();
    await servers[0]?.dead;
    assert.deepEqual(fallbacks, []);
  });

  test('die with their server, and others are made', async () => {
    const [waiting, running] = [await maker.create(plain()), await maker.create(plain())];
    const ended = goWith(forked, plain(), running, ['/bin/sleep', '60']);
    await waitFor(() => machine.processes().some((line) => line.includes('sleep 60')), {
      what: 'the program',
    });
    servers[0]?.kill();
    await Promise.all([waiting.dead, running.dead]);
    assert.notEqual((await ended).reason, 'exit');
    await Promise.all([waiting.destroy(), running.destroy()]);
    await waitFor(() => maker.counters().servers === 0, { what: 'the end of the server' });
    assert.equal(await once(plain(), '/bin/echo', 'single'), 'single\n');
    assert.deepEqual(maker.counters(), { forked: 2, fallbacks: 1, servers: 0 });
    ms = MINUTE;
    assert.equal(await once(plain(), '/bin/echo', 'forked'), 'forked\n');
    assert.deepEqual(maker.counters(), { forked: 3, fallbacks: 1, servers: 1 });
  });

  test('are given up when they do not come up in time, the processes and all', async () => {
    const spec = withKey({ ...plain(), warmCommand: ['/bin/sleep', '61'] }, { interpreter: false });
    const cancel = new AbortController();
    const made = maker.create(spec, cancel.signal);
    await waitFor(() => machine.processes().some((line) => line.includes('sleep 61')), {
      what: 'the command',
    });
    cancel.abort();
    await assert.rejects(made, /cancelled/);
    // They are killed by then; the kernel may still be at it.
    await waitFor(() => machine.processes().length === 0, { what: 'the end of its processes' });
    machine.assertNothingLeft(SLOTS);
    assert.equal(await once(plain(), '/bin/echo', 'on'), 'on\n');
    assert.deepEqual(fallbacks, []);
  });

  test('that live end with the maker, their servers too, also while one is being started', async () => {
    const sandboxes = [await maker.create(plain()), await maker.create(plain())];
    const ended = goWith(forked, plain(), sandboxes[0] ?? assert.fail(), ['/bin/sleep', '60']);
    const late = existsSync(PYTHON) ? maker.create(interpreted.spec(machine)) : Promise.reject(new Error());
    const refused = assert.rejects(late);
    await waitFor(() => servers.length === 2 || !existsSync(PYTHON), { what: 'the second server' });
    await maker.close();
    await Promise.all(sandboxes.map(({ dead }) => dead));
    assert.notEqual((await ended).reason, 'exit');
    await refused;
    await assert.rejects(maker.create(plain()), /no more sandboxes/);
  });
});
