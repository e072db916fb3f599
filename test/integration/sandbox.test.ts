import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultLimits, type Limits, type Outcome } from '../../service/contracts/index.ts';
import { detectCgroup } from '../../service/executor/cgroup/detect.ts';
import type { CgroupDriver } from '../../service/executor/cgroup/port.ts';
import { type Place, takePlace, UIDS_PER_PLACE } from '../../service/executor/place.ts';
import { createBubblewrapMaker } from '../../service/executor/sandbox/bubblewrap.ts';
import { writeEtc } from '../../service/executor/sandbox/etc.ts';
import { type Launcher, startLauncher } from '../../service/executor/sandbox/launcher.ts';
import type { Sandbox, SandboxMaker, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { seccompFilter } from '../../service/executor/sandbox/seccomp/filter.ts';
import { createSlots } from '../../service/executor/sandbox/slots.ts';
import { toStage } from '../../service/executor/verdict.ts';
import { cgroupsOfPlaces, type HostState, hostState, leaksSince } from '../harness/leaks.ts';
import { describeProcess, listProcesses } from '../harness/processes.ts';
import { waitFor } from '../harness/wait-for.ts';

const native = join(import.meta.dirname, '../../.build');
const BWRAP = '/usr/bin/bwrap';
const UID_BASE = 0x7000_0000;

const missing = (): string | false => {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync(BWRAP)) return 'no bubblewrap';
  if (!existsSync(join(native, 'paddock-launch'))) return 'scripts/build-native was not run';
  return false;
};

interface Machine {
  readonly stateFolder: string;
  readonly place: Place;
  readonly cgroups: CgroupDriver;
  readonly launcher: Launcher;
  readonly maker: SandboxMaker;
}

/** Everything an executor has of the machine, with two slots: the second and the third sandbox share one. */
const setUp = async (): Promise<Machine> => {
  const stateFolder = mkdtempSync(join(tmpdir(), 'paddock-sandbox-'));
  const place = await takePlace(stateFolder, 0, UID_BASE);
  const finding = detectCgroup(`place-${place.number}`);
  assert.ok(finding.driver, 'reason' in finding ? finding.reason : '');
  const cgroups = finding.driver;
  await cgroups.clear();
  const etc = `${place.folder}/etc`;
  const seccompPath = `${place.folder}/seccomp.bpf`;
  writeEtc(etc);
  mkdirSync(`${place.folder}/slots`, { mode: 0o711 });
  writeFileSync(seccompPath, seccompFilter(process.arch));
  const launcher = startLauncher(join(native, 'paddock-launch'));
  const maker = createBubblewrapMaker({
    bwrap: BWRAP,
    launcher,
    init: join(native, 'paddock-init'),
    etc,
    seccompPath,
    slots: createSlots(`${place.folder}/slots`, place.firstUid, 2),
    cgroups,
    startTimeoutMs: 20_000,
  });
  return { stateFolder, place, cgroups, launcher, maker };
};

const plain: SandboxSpec = {
  key: 'plain',
  shown: [],
  env: { PATH: '/usr/bin:/bin' },
  limits: { ...defaultLimits, scratchMb: 8, scratchFiles: 64 },
};

describe('a bubblewrap sandbox', { skip: missing() }, () => {
  let machine: Machine;
  let host: HostState;
  /** A place of that number may have been somebody else's in another cgroup of the machine. */
  let foreign: Set<string>;
  const ownCgroups = (): string[] =>
    cgroupsOfPlaces([`place-${machine.place.number}`]).filter((path) => !foreign.has(path));
  before(async () => {
    host = hostState();
    machine = await setUp();
    foreign = new Set(cgroupsOfPlaces([`place-${machine.place.number}`]));
  });
  after(async () => {
    await machine.maker.close();
    machine.launcher.close();
    await machine.launcher.gone;
    await machine.cgroups.clear();
    machine.place.release();
    rmSync(machine.stateFolder, { recursive: true, force: true });
    assert.deepEqual(ownCgroups(), []);
  });

  const processesOfPlace = (): string[] => {
    const first = machine.place.firstUid ?? 0;
    return listProcesses()
      .filter(({ uid, state }) => uid >= first && uid < first + UIDS_PER_PLACE && state !== 'Z')
      .map(describeProcess);
  };
  /** Sandboxes clean up before `destroy` resolves: there is nothing to wait for. */
  const assertNothingLeft = (): void => {
    assert.deepEqual(processesOfPlace(), []);
    // The executor's own folder lasts as long as it does.
    assert.deepEqual(
      ownCgroups().filter((path) => !/\/paddock-place-\d+$/.test(path)),
      [],
    );
    assert.deepEqual(
      leaksSince(host).filter((line) => line.includes(machine.stateFolder)),
      [],
    );
  };

  interface Told {
    readonly limits?: Partial<Limits>;
    readonly wallMs?: number;
    readonly stdin?: string;
    readonly signal?: AbortSignal;
  }
  const go = (sandbox: Sandbox, command: readonly string[], told: Told = {}) =>
    sandbox.go(
      {
        command,
        entry: 'main',
        args: [],
        env: { ...plain.env, MINE: 'yes' },
        stdin: Buffer.from(told.stdin ?? ''),
        limits: { ...plain.limits, ...told.limits },
        wallMs: told.wallMs ?? 10_000,
      },
      told.signal,
    );
  const withSandbox = async <T>(use: (sandbox: Sandbox) => Promise<T>): Promise<T> => {
    const sandbox = await machine.maker.create(plain);
    try {
      return await use(sandbox);
    } finally {
      await sandbox.destroy();
    }
  };
  const stageOf = (command: readonly string[], told: Told = {}) =>
    withSandbox(async (sandbox) => {
      const limits = { ...plain.limits, ...told.limits };
      return toStage(await go(sandbox, command, told), limits, told.wallMs ?? 10_000);
    });
  const sh = (script: string, told: Told = {}) => stageOf(['/bin/sh', '-c', script], told);

  test('runs a program with its files, input and environment, and gives back what it wrote', async () => {
    await withSandbox(async (sandbox) => {
      sandbox.put([
        { name: 'a/data', content: Buffer.from('file') },
        { name: 'tool', content: Buffer.from('#!/bin/sh\necho tool'), executable: true },
      ]);
      const ended = await go(
        sandbox,
        [
          '/bin/sh',
          '-c',
          'cat a/data; cat; echo "$MINE"; ./tool; echo oops >&2; echo out >a/out; ln -s /etc/passwd link',
        ],
        { stdin: 'input' },
      );
      assert.deepEqual([ended.reason, ended.exitCode, ended.signal], ['exit', 0, null]);
      assert.deepEqual(
        [ended.stdout.toString(), ended.stderr.toString()],
        ['fileinputyes\ntool\n', 'oops\n'],
      );
      assert.ok(ended.cpuMs > 0 && ended.wallMs > 0 && (ended.memoryPeakBytes ?? 0) > 0);
      const { files, omitted } = await sandbox.read(['a/*', 'link'], { maxFiles: 9, maxBytes: 999 });
      assert.deepEqual(files.map(({ name, content }) => `${name}: ${content}`).sort(), [
        'a/data: file',
        'a/out: out\n',
      ]);
      assert.deepEqual(
        omitted.map(({ name }) => name),
        ['link'],
      );
    });
    assertNothingLeft();
  });

  const outcomes: [what: string, script: string, outcome: Outcome, told?: Told][] = [
    ['exit 3', 'exit 3', 'nonzero-exit'],
    ['exit 137', 'exit 137', 'nonzero-exit'],
    ['a segmentation fault', 'kill -SEGV $$', 'signal'],
    ['sleeping on', 'sleep 60', 'time-limit', { wallMs: 200 }],
    ['sleeping on behind everybody’s back', 'setsid sleep 60 & sleep 60', 'time-limit', { wallMs: 200 }],
    ['computing on', 'while :; do :; done', 'time-limit', { limits: { cpuMs: 200 } }],
    ['writing on', 'yes', 'output-limit', { limits: { outputBytes: 1_000 } }],
    ['a full disk', 'head -c 20M /dev/zero >big', 'disk-limit'],
    ['too many files', 'for n in $(seq 200); do : >f$n; done', 'disk-limit'],
    ['too large a file', 'exec head -c 3M /dev/zero >big', 'disk-limit', { limits: { fileMb: 1 } }],
    ['too much memory', 'head -c 200M /dev/zero | tail', 'memory-limit', { limits: { memoryMb: 32 } }],
    [
      'a fork bomb',
      'b() { b | b & }; b; wait; exit 1',
      'process-limit',
      { limits: { processes: 16 }, wallMs: 5_000 },
    ],
  ];
  for (const [what, script, outcome, told] of outcomes) {
    test(`${what}: ${outcome}, and nothing is left`, async () => {
      const stage = await sh(script, told);
      assert.equal(stage.outcome, outcome, JSON.stringify(stage));
      assertNothingLeft();
    });
  }

  test('a command that does not exist is the program’s affair', async () => {
    const stage = await stageOf(['/no/such/command']);
    assert.deepEqual([stage.outcome, stage.exitCode], ['nonzero-exit', 127]);
    assert.match(stage.stderr, /no\/such\/command/);
  });

  test('is its own world: user, processes, host name, network, no way to write outside', async () => {
    const script = [
      'id -u; hostname; echo $$; ls /proc | grep -c "^[0-9]"',
      'ls /sys /root /home 2>/dev/null | wc -l',
      'for f in / /usr /etc /dev /opt/paddock; do (: >$f/x) 2>/dev/null && echo "wrote to $f"; done',
      'tail -n +3 /proc/net/dev | grep -vc lo:',
      'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status',
      'env | sort',
    ].join('; ');
    const stage = await sh(script);
    const [user, name, pid, , outside, interfaces, ...rest] = stage.stdout.trim().split('\n');
    assert.deepEqual([user, name, outside, interfaces], ['1000', 'paddock', '0', '0']);
    assert.ok(Number(pid) <= 3, `pid ${pid}`);
    assert.ok(rest.some((line) => /CapEff:\s+0+$/.test(line)));
    assert.ok(rest.some((line) => /NoNewPrivs:\s+1$/.test(line)));
    assert.ok(rest.some((line) => /Seccomp:\s+2$/.test(line)));
    assert.ok(!stage.stdout.includes('wrote to'));
    assert.deepEqual(
      rest.filter((line) => /^[A-Z_]+=/.test(line) && !/^(PATH|MINE|PWD|OLDPWD|SHLVL|_)=/.test(line)),
      [],
    );
  });

  test('the next one in the same slot finds nothing of the one before', async () => {
    const leave = 'echo secret >/work/left; echo secret >/tmp/left; echo secret >/dev/shm/left; echo out';
    await sh(leave, { stdin: 'secret input' });
    const stage = await sh('cat; ls -A /work /tmp /dev/shm');
    assert.equal(stage.stdout.includes('left') || stage.stdout.includes('secret'), false, stage.stdout);
  });

  test('is used once', async () =>
    withSandbox(async (sandbox) => {
      await go(sandbox, ['/bin/true']);
      await assert.rejects(go(sandbox, ['/bin/true']), /used once/);
    }));

  test('ends with the signal of its caller', async () => {
    const cancel = new AbortController();
    await withSandbox(async (sandbox) => {
      const running = go(sandbox, ['/bin/sleep', '60'], { signal: cancel.signal });
      await waitFor(() => processesOfPlace().some((line) => line.includes('sleep 60')), {
        what: 'the program',
      });
      cancel.abort();
      assert.equal((await running).reason, 'cancelled');
    });
    assertNothingLeft();
  });

  test('can be destroyed at any time, more than once, and is dead then', async () => {
    const unused = await machine.maker.create(plain);
    await Promise.all([unused.destroy(), unused.destroy()]);
    await unused.dead;
    await assert.rejects(go(unused, ['/bin/true']), /used once/);
    const used = await machine.maker.create(plain);
    const running = go(used, ['/bin/sleep', '60']);
    await used.destroy();
    assert.notEqual((await running).reason, 'exit');
    assertNothingLeft();
  });

  test('is refused when all slots are taken, and made again when one is free', async () => {
    const both = await Promise.all([machine.maker.create(plain), machine.maker.create(plain)]);
    await assert.rejects(machine.maker.create(plain), /slots/);
    await Promise.all(both.map((sandbox) => sandbox.destroy()));
    assert.equal((await sh('exit 0')).outcome, 'ok');
  });

  test('that does not come up says why, and leaves nothing', async () => {
    const broken = { ...plain, warmCommand: ['/bin/sh', '-c', 'echo no such module >&2; exit 1'] };
    await assert.rejects(machine.maker.create(broken), /no such module|warm/);
    const shown = { ...plain, shown: [{ source: '/no/such/folder', target: '/opt/x' }] };
    await assert.rejects(machine.maker.create(shown), /no\/such\/folder/);
    await assert.rejects(machine.maker.create(plain, AbortSignal.abort()), /cancelled/);
    assertNothingLeft();
    assert.equal((await sh('exit 0')).outcome, 'ok');
  });

  test('that is left over is cleared away, its processes killed', async () => {
    const sandbox = await machine.maker.create(plain);
    const running = go(sandbox, ['/bin/sleep', '60']);
    await machine.cgroups.clear();
    await sandbox.dead;
    assert.notEqual((await running).exitCode, 0);
    await sandbox.destroy();
    assertNothingLeft();
    assert.deepEqual(readdirSync(`${machine.place.folder}/slots/0/stage`), []);
  });
});
