import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Outcome } from '../../service/contracts/index.ts';
import { withKey } from '../../service/executor/runtimes/stage-plan.ts';
import type { Sandbox, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { toStage } from '../../service/executor/verdict.ts';
import {
  goWith,
  missingForSandboxes,
  openSandboxMachine,
  type SandboxMachine,
  type SandboxWay,
  sandboxWays,
  type Told,
  withSandbox,
} from '../harness/sandbox-machine.ts';
import { waitFor } from '../harness/wait-for.ts';

const lifeOf = (way: SandboxWay): void => {
  let machine: SandboxMachine;
  let plain: SandboxSpec;
  before(async () => {
    machine = await openSandboxMachine();
    plain = way.spec(machine);
  });
  after(() => machine.close());
  /** Made the way that was asked for: those that expect it otherwise take what they expect away. */
  afterEach(() => assert.deepEqual(isCleared ? [] : machine.fallbacks, []));
  /** Fork servers have cgroups too: one that was on its way when all were cleared says so, sooner or later. */
  let isCleared = false;
  const assertNothingLeft = (): void => machine.assertNothingLeft();

  const go = (sandbox: Sandbox, command: readonly string[], told?: Told) =>
    goWith(way, plain, sandbox, command, told);
  const withOne = <T>(use: (sandbox: Sandbox) => Promise<T>) => withSandbox(machine, plain, use);
  const stageOf = (command: readonly string[], told: Told = {}) =>
    withOne(async (sandbox) => {
      const limits = { ...plain.limits, ...told.limits };
      return toStage(await go(sandbox, command, told), limits, told.wallMs ?? 10_000);
    });
  const sh = (script: string, told: Told = {}) => stageOf(['/bin/sh', '-c', script], told);

  test('runs a program with its files, input and environment, and gives back what it wrote', async () => {
    await withOne(async (sandbox) => {
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
      'too many processes',
      'for n in $(seq 40); do sleep 5 & done; wait; exit 1',
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

  test('a command that does not exist is the program’s affair', {
    skip: way.interpreted && 'an interpreter has its file, which is there',
  }, async () => {
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
      'grep -E "^(CapEff|CapBnd|CapInh|CapPrm|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status',
      'echo descriptors $(ls /proc/self/fd)',
      'env | sort',
    ].join('; ');
    const stage = await sh(script);
    const [user, name, pid, , outside, interfaces, ...rest] = stage.stdout.trim().split('\n');
    assert.deepEqual([user, name, outside, interfaces], ['1000', 'paddock', '0', '0']);
    assert.ok(Number(pid) <= 3, `pid ${pid}`);
    // The fourth is the one with which ls reads the folder.
    assert.ok(rest.includes('descriptors 0 1 2 3'), rest.join());
    assert.equal(rest.filter((line) => /^Cap\w+:\s+0+$/.test(line)).length, 5, rest.join());
    assert.ok(rest.some((line) => /NoNewPrivs:\s+1$/.test(line)));
    assert.ok(rest.some((line) => /Seccomp:\s+2$/.test(line)));
    assert.ok(!stage.stdout.includes('wrote to'));
    assert.deepEqual(
      rest.filter((line) => /^[A-Z_]+=/.test(line) && !/^(PATH|LANG|MINE|PWD|OLDPWD|SHLVL|_)=/.test(line)),
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
    withOne(async (sandbox) => {
      await go(sandbox, ['/bin/true']);
      await assert.rejects(go(sandbox, ['/bin/true']), /used once/);
    }));

  test('ends with the signal of its caller', async () => {
    const cancel = new AbortController();
    await withOne(async (sandbox) => {
      const running = go(sandbox, ['/bin/sleep', '60'], { signal: cancel.signal });
      await waitFor(() => machine.processes().some((line) => line.includes('sleep 60')), {
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
    if (way.forked) assert.match(machine.fallbacks.splice(0).join(), /slots/);
    await Promise.all(both.map((sandbox) => sandbox.destroy()));
    assert.equal((await sh('exit 0')).outcome, 'ok');
  });

  test('that does not come up says why, and leaves nothing', async () => {
    const changed = (own: Partial<SandboxSpec>) => withKey({ ...plain, ...own }, plain.forked);
    const broken = changed({ warmCommand: ['/bin/sh', '-c', 'echo no such module >&2; exit 1'] });
    await assert.rejects(machine.maker.create(broken), /no such module|warm/);
    const shown = changed({ shown: [{ source: '/no/such/folder', target: '/opt/x' }] });
    await assert.rejects(machine.maker.create(shown), /no\/such\/folder/);
    const [first, second, ...others] = machine.fallbacks.splice(0).map(({ message }) => message);
    if (way.forked) {
      assert.match(first ?? '', /no such module|warm/);
      assert.match(second ?? '', /no\/such\/folder/);
    }
    assert.deepEqual(others, []);
    await assert.rejects(machine.maker.create(plain, AbortSignal.abort()), /cancelled/);
    assertNothingLeft();
    assert.equal((await sh('exit 0')).outcome, 'ok');
  });

  test('that is cancelled on its way leaves nothing, however far it was', async () => {
    for (const afterMs of [0, 1, 2, 3, 5]) {
      const cancel = new AbortController();
      const making = machine.maker.create(plain, cancel.signal);
      setTimeout(() => cancel.abort(), afterMs);
      await making.then(
        (sandbox) => sandbox.destroy(),
        (error: Error) => assert.match(error.message, /cancelled|slots/),
      );
    }
    // One that had not spoken is not waited for: its slot comes back with its end.
    await waitFor(
      async () => {
        const made = await Promise.allSettled([machine.maker.create(plain), machine.maker.create(plain)]);
        for (const one of made) if (one.status === 'fulfilled') await one.value.destroy();
        return made.every(({ status }) => status === 'fulfilled');
      },
      { what: 'both slots to be free' },
    );
    machine.fallbacks.splice(0);
    assertNothingLeft();
  });

  test('was made this way all along', async () => {
    const before = machine.maker.counters().forked;
    await sh('exit 0');
    assert.equal(machine.maker.counters().forked - before, way.forked ? 1 : 0);
  });

  test('that is left over is cleared away, its processes killed', async () => {
    const sandbox = await machine.maker.create(plain);
    const running = go(sandbox, ['/bin/sleep', '60']);
    isCleared = true;
    await machine.cgroups.clear();
    await sandbox.dead;
    assert.notEqual((await running).exitCode, 0);
    await sandbox.destroy();
    assertNothingLeft();
    for (const slot of readdirSync(`${machine.placeFolder}/slots`))
      assert.deepEqual(readdirSync(`${machine.placeFolder}/slots/${slot}/stage`), []);
  });
};

for (const way of sandboxWays) {
  describe(`a sandbox ${way.name}`, { skip: missingForSandboxes() || way.skip }, () => lifeOf(way));
}
