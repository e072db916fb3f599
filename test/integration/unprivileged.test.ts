import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Limits, Outcome } from '../../service/contracts/index.ts';
import { type Machine, takeMachine } from '../../service/executor/machine.ts';
import type { Sandbox, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { toStage } from '../../service/executor/verdict.ts';
import { descendantsOf, describeProcess, sandboxesAmong } from '../harness/processes.ts';
import { goWith, nativeFolder, type SandboxWay, sandboxWays } from '../harness/sandbox-machine.ts';

/*
 * An executor that is not root: every sandbox has its uid, in user namespaces of their own. Run by root, this file runs
 * itself again as nobody.
 */
const BWRAP = '/usr/bin/bwrap';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

const missing = (): string | false => {
  if (!existsSync(BWRAP)) return 'no bubblewrap';
  if (!existsSync(join(nativeFolder, 'paddock-launch'))) return 'scripts/build-native was not run';
  const read = 'require("node:fs").readFileSync(process.argv[1])';
  const { status } = spawnSync(
    BWRAP,
    ['--unshare-user', '--ro-bind', '/', '/', process.execPath, '-e', read, import.meta.filename],
    asNobody,
  );
  return status === 0
    ? false
    : 'no user namespaces for other users than root, or these files are not theirs to read';
};

const casesOf = (way: SandboxWay): void => {
  let stateFolder: string;
  let machine: Machine;
  let spec: SandboxSpec;
  const fallbacks: string[] = [];
  before(async () => {
    stateFolder = mkdtempSync(join(tmpdir(), 'paddock-user-'));
    machine = await takeMachine({
      ...{
        stateFolder,
        nativeFolder,
        userId: process.getuid?.() ?? 0,
        uidBase: 0,
        architecture: process.arch,
      },
      ...{ allowWeaker: true, mostSandboxes: 2, onFallback: ({ message }) => fallbacks.push(message) },
    });
    spec = way.spec({ stateFolder });
  });
  after(async () => {
    await machine.close();
    assert.deepEqual(descendantsOf(process.pid).map(describeProcess), []);
    assert.deepEqual(
      readdirSync(stateFolder).filter((name) => name.startsWith('place-')),
      [],
    );
    rmSync(stateFolder, { recursive: true });
  });
  afterEach(() => {
    assert.deepEqual(fallbacks, []);
    const most = machine.maker.counters().servers + 1; // one may be on its way
    const found = sandboxesAmong(descendantsOf(process.pid));
    assert.ok(
      found.size <= most,
      `${found.size} pid namespaces where there are no sandboxes, only ${most} servers`,
    );
  });
  const withOne = async <T>(use: (sandbox: Sandbox) => Promise<T>): Promise<T> => {
    const sandbox = await machine.maker.create(spec);
    try {
      return await use(sandbox);
    } finally {
      await sandbox.destroy();
    }
  };

  test('is not weaker than it says: its own user, no right, no way to write outside, a filter', async () => {
    const { isolation } = machine.inspection;
    assert.deepEqual([isolation.distinctUids, isolation.seccomp], [false, true]);
    const script = [
      'id -u; id -g; tr -s " " </proc/self/uid_map',
      'grep -E "^(Cap(Eff|Bnd|Prm|Inh|Amb)|NoNewPrivs|Seccomp):" /proc/self/status | cut -f2 | sort | uniq -c',
      'for f in / /usr /etc /dev /opt/paddock; do (: >$f/x) 2>/dev/null && echo "wrote to $f"; done',
      'ls /proc/self/fd | tr "\\n" " "; tail -n +3 /proc/net/dev | grep -vc lo:',
    ].join('; ');
    const ended = await withOne((sandbox) => goWith(way, spec, sandbox, ['/bin/sh', '-c', script]));
    assert.deepEqual(
      ended.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.trim()),
      // In the namespace of the server, which has one uid, that is 0; outside of both it is the executor's.
      [...['1000', '1000', '1000 0 1'], ...['5 0000000000000000', '1 1', '1 2'], '0 1 2 3 0'],
    );
  });

  test('has its files, input and output, also opened again, and gives back what it wrote', async () => {
    await withOne(async (sandbox) => {
      sandbox.put([{ name: 'a/tool', content: Buffer.from('#!/bin/sh\necho tool'), executable: true }]);
      const script = 'a/tool >/dev/stdout; cat /dev/stdin; echo "$MINE" >/dev/stderr; echo out >a/out';
      const ended = await goWith(way, spec, sandbox, ['/bin/sh', '-c', script], { stdin: 'input' });
      assert.deepEqual([ended.stdout.toString(), ended.stderr.toString()], ['tool\ninput', 'yes\n']);
      const { files } = await sandbox.read(['a/*'], { maxFiles: 9, maxBytes: 999 });
      assert.deepEqual(files.map(({ name }) => name).sort(), ['a/out', 'a/tool']);
    });
  });

  const outcomes: [script: string, outcome: Outcome, limits?: Partial<Limits>][] = [
    ['exit 3', 'nonzero-exit'],
    ['kill -SEGV $$', 'signal'],
    ['setsid sleep 60 & sleep 60', 'time-limit'],
    ['yes', 'output-limit', { outputBytes: 1_000 }],
    ['head -c 20M /dev/zero >big', 'disk-limit'],
  ];
  for (const [script, outcome, limits] of outcomes) {
    test(`${script}: ${outcome}`, async () => {
      const ended = await withOne((sandbox) =>
        goWith(way, spec, sandbox, ['/bin/sh', '-c', script], { limits, wallMs: 1_000 }),
      );
      assert.equal(toStage(ended, { ...spec.limits, ...limits }, 1_000).outcome, outcome);
    });
  }
};

const reason = missing();
if (isRoot) {
  test('sandboxes of an executor that is not root', { skip: reason, timeout: 120_000 }, async () => {
    // Otherwise it would report to our own runner, in its runner's language.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--test-reporter=spec', import.meta.filename], {
      ...{ ...asNobody, cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'] },
    });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, said);
    assert.match(said, /ℹ pass [1-9]/);
  });
} else {
  for (const way of sandboxWays) {
    describe(`a sandbox ${way.name}, the executor not root`, { skip: reason || way.skip }, () =>
      casesOf(way),
    );
  }
}
