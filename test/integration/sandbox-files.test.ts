import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Limits } from '../../service/contracts/index.ts';
import { withKey } from '../../service/executor/runtimes/stage-plan.ts';
import {
  type Ended,
  FilesRefused,
  type PlacedFile,
  type Sandbox,
  type SandboxSpec,
} from '../../service/executor/sandbox/port.ts';
import { toStage } from '../../service/executor/verdict.ts';
import {
  goWith,
  missingForSandboxes,
  openSandboxMachine,
  type SandboxMachine,
  type SandboxWay,
  sandboxWays,
  withSandbox,
} from '../harness/sandbox-machine.ts';

const MEBIBYTE = 1024 * 1024;
const PLENTY = { maxFiles: 1_000, maxBytes: 64 * MEBIBYTE };
const file = (name: string, content: string | Buffer = name, executable = false): PlacedFile => ({
  ...{ name, executable },
  content: Buffer.from(content),
});
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** Bytes of every value, nowhere a zero of a hole. */
const bytesOf = (size: number): Buffer => Buffer.alloc(size, Buffer.from([...Array(256).keys()].reverse()));

const filesOf = (way: SandboxWay): void => {
  let machine: SandboxMachine;
  let plain: SandboxSpec;
  before(async () => {
    machine = await openSandboxMachine();
    plain = way.spec(machine);
  });
  after(() => machine.close());
  afterEach(() => assert.deepEqual(machine.fallbacks, []));

  const sized = (limits: Partial<Limits>): SandboxSpec =>
    withKey({ ...plain, limits: { ...plain.limits, ...limits } }, plain.forked);
  /** Runs a script among these files. */
  const runWith = async (
    files: readonly PlacedFile[],
    script: string,
    spec = plain,
    use: (sandbox: Sandbox, ended: Ended) => Promise<void> = async () => {},
  ): Promise<Ended> =>
    withSandbox(machine, spec, async (sandbox) => {
      sandbox.put(files);
      const ended = await goWith(way, spec, sandbox, ['/bin/sh', '-c', script]);
      await use(sandbox, ended);
      return ended;
    });
  const refusal = async (files: readonly PlacedFile[], spec = plain): Promise<string> => {
    const refused = await runWith(files, 'echo ran', spec).catch((error: unknown) => error);
    assert.ok(refused instanceof FilesRefused, `${files.map(({ name }) => name.slice(0, 40))}: ${refused}`);
    machine.assertNothingLeft();
    return refused.code;
  };

  test('are there with folders, bytes, modes and owner before anything runs', async () => {
    const bytes = bytesOf(MEBIBYTE + 1);
    const files = [
      file('a/b/c/deep', bytes, true),
      file('a/b/empty', ''),
      file('a/ü ’\n\t"$(x)', 'odd'),
      file('-rf'),
    ];
    const script = 'find . -mindepth 1 ! -name main.py -printf "%U:%G %m %y %P\\0"; sha256sum <a/b/c/deep';
    await runWith(files, script, plain, async (sandbox, { stdout }) => {
      const lines = stdout.toString().split('\0');
      assert.equal(lines.pop()?.split(' ')[0], digest(bytes));
      assert.deepEqual(
        new Set(lines),
        new Set([
          ...['a', 'a/b', 'a/b/c'].map((name) => `1000:1000 755 d ${name}`),
          '1000:1000 755 f a/b/c/deep',
          ...['a/b/empty', 'a/ü ’\n\t"$(x)', '-rf'].map((name) => `1000:1000 644 f ${name}`),
        ]),
      );
      const { files: back } = await sandbox.read(['a/**', '-rf'], PLENTY);
      const found = new Map(back.map((each) => [each.name, each]));
      for (const { name, content, executable } of files) {
        assert.equal(found.get(name)?.content.equals(content), true, name);
        assert.equal(found.get(name)?.executable, executable);
      }
    });
  });

  test('can be put in several goes, many of them, and be what the program may change', async () => {
    const spec = sized({ scratchFiles: 600 });
    const many = Array.from({ length: 500 }, (_, n) => file(`d${n % 7}/f${n}`, String(n)));
    const ended = await withSandbox(machine, spec, async (sandbox) => {
      sandbox.put(many.slice(0, 200));
      sandbox.put(many.slice(200));
      const script =
        'cat d*/f* | wc -c; for f in d*/f*; do echo more >>$f || exit 1; done; rm -r d3 && echo ok';
      return goWith(way, spec, sandbox, ['/bin/sh', '-c', script]);
    });
    const bytes = many.reduce((sum, { content }) => sum + content.length, 0);
    assert.equal(ended.stdout.toString(), `${bytes}\nok\n`, ended.stderr.toString());
  });

  test('are refused where one is in another’s way, and then nothing runs', async () => {
    assert.equal(await refusal([file('a'), file('a')]), 'EEXIST');
    assert.equal(await refusal([file('a/b'), file('a')]), 'EEXIST');
    assert.equal(await refusal([file('a'), file('a/b')]), 'ENOTDIR');
  });

  test('are refused where they do not fit: bytes, files, folders', async () => {
    assert.equal(await refusal([file('big', bytesOf(9 * MEBIBYTE))]), 'ENOSPC');
    assert.equal(
      await refusal([file('a', bytesOf(5 * MEBIBYTE)), file('b', bytesOf(5 * MEBIBYTE))]),
      'ENOSPC',
    );
    assert.equal(await refusal(Array.from({ length: 200 }, (_, n) => file(`f${n}`, ''))), 'ENOSPC');
    assert.equal(await refusal([file(`${'d/'.repeat(200)}f`, '')]), 'ENOSPC');
    const ended = await runWith([file('fits', bytesOf(6 * MEBIBYTE))], 'wc -c <fits');
    assert.equal(ended.stdout.toString().trim(), String(6 * MEBIBYTE), 'the next one has all of it again');
  });

  test('count as the program’s memory: what the limit cannot hold ends it', async () => {
    const spec = sized({ scratchMb: 64, memoryMb: 24 });
    const ended = await runWith([file('big', bytesOf(48 * MEBIBYTE))], 'echo ran', spec);
    assert.deepEqual([ended.outOfMemory, ended.stdout.toString()], [true, '']);
    assert.equal(toStage(ended, spec.limits, 10_000).outcome, 'memory-limit');
    machine.assertNothingLeft();
  });

  test('can have no name that leads out: nothing but the sandbox’s own space can be written', async () => {
    const mark = `paddock-test-${process.pid}`;
    const outside = [`/${mark}`, `/etc/${mark}`, `/usr/${mark}`, `/opt/paddock/${mark}`, `/dev/${mark}`];
    for (const name of [...outside, ...outside.map((path) => `..${path}`), `a/../../${mark}`]) {
      assert.equal(await refusal([file(name)]), 'EROFS', name);
    }
    for (const name of ['', '.', '..', '/', 'a/', `${'x'.repeat(256)}`, `${'x/'.repeat(3_000)}x`])
      assert.match(await refusal([file(name)]), /^E(NOENT|EXIST|ISDIR|NAMETOOLONG|NOSPC)$/, name);
    for (const path of [`/${mark}`, `/etc/${mark}`, `/usr/${mark}`, `/tmp/${mark}`])
      assert.equal(existsSync(path), false, path);
  });

  test('can have no name of what is there already: devices, processes, the first one’s own', async () => {
    for (const name of [
      '/dev/null',
      '/proc/1/mem',
      '/proc/self/fd/0',
      '/proc/self/oom_score_adj',
      '/etc/passwd',
    ])
      assert.equal(await refusal([file(name)]), 'EEXIST', name);
  });

  test('whose names lead to the sandbox’s other folders are in no other sandbox, and not on the host', async () => {
    const mark = `paddock-test-${process.pid}`;
    const names = [`/tmp/${mark}`, `/dev/shm/${mark}`, `../tmp/${mark}-2`];
    const here = await runWith(
      names.map((name) => file(name)),
      `ls /tmp /dev/shm | grep -c ${mark}`,
    );
    assert.equal(here.stdout.toString(), '3\n');
    assert.equal((await runWith([], `ls /tmp /dev/shm | grep -c ${mark}`)).stdout.toString(), '0\n');
    for (const folder of ['/tmp', '/dev/shm'])
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith(mark)),
        [],
      );
  });

  test('with a NUL in the name are not sent at all', async () => {
    await withSandbox(machine, plain, async (sandbox) => {
      sandbox.put([file('a\0b')]);
      await assert.rejects(goWith(way, plain, sandbox, ['/bin/true']), /NUL/);
    });
    machine.assertNothingLeft();
  });

  test('and the input are gone from the machine with the sandbox', async () => {
    const secret = `secret-${process.pid}-${'x'.repeat(20)}`;
    await withSandbox(machine, plain, async (sandbox) => {
      sandbox.put([file('secret', secret)]);
      await goWith(way, plain, sandbox, ['/bin/cat', 'secret'], { stdin: secret });
    });
    const slots = `${machine.placeFolder}/slots`;
    for (const slot of readdirSync(slots)) assert.equal(readFileSync(`${slots}/${slot}/in`, 'utf8'), '');
  });
};

for (const way of sandboxWays) {
  describe(`files of a sandbox ${way.name}`, { skip: missingForSandboxes() || way.skip }, () => filesOf(way));
}
