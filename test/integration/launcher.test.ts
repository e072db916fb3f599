import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Launched, type Launcher, startLauncher } from '../../service/executor/sandbox/launcher.ts';
import { descendantsOf, isAlive } from '../harness/processes.ts';
import { missingForSandboxes, nativeFolder } from '../harness/sandbox-machine.ts';
import { waitFor } from '../harness/wait-for.ts';

/** What one launch says and writes, as it comes: `X text`, `stdout text`, `stdout ends`. */
interface Heard {
  readonly launched: Launched & { readonly number: number };
  readonly events: string[];
  said(): string;
  output(stream: 'stdout' | 'stderr'): string;
}

const PLENTY = 1024 * 1024;

describe('the launcher', { skip: missingForSandboxes(), timeout: 120_000 }, () => {
  let folder: string;
  let launcher: Launcher;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-launcher-'));
    mkdirSync(join(folder, 'stage'));
    for (const name of ['in', 'seccomp']) writeFileSync(join(folder, name), '');
    launcher = startLauncher(join(nativeFolder, 'paddock-launch'));
  });
  after(async () => {
    launcher.close();
    await launcher.gone;
    rmSync(folder, { recursive: true, force: true });
  });

  /** @param script in a shell in bubblewrap's place: 3 is the control socket, 5 and 6 are the outputs */
  const start = (script: string, own = launcher): Heard => {
    const events: string[] = [];
    const all = (kind: string): string =>
      events
        .flatMap((event) => (event.startsWith(`${kind} `) ? [event.slice(kind.length + 1)] : []))
        .join('');
    const launched = own.start(
      [
        ...['--stage', join(folder, 'stage'), '--scratch-bytes', '65536', '--scratch-inodes', '64'],
        ...['--seccomp', join(folder, 'seccomp'), '--stdin', join(folder, 'in'), '--uid', '65533'],
        ...['--env', 'PATH=/usr/bin:/bin', '--', '/bin/sh', '-c', script],
      ],
      {
        said: (text) => events.push(`X ${text}`),
        output: (stream, bytes) => events.push(`${stream} ${bytes.toString('latin1')}`),
        outputEnded: (stream) => events.push(`${stream}-ends `),
      },
    );
    return { launched, events, said: () => all('X'), output: all };
  };
  const kinds = (heard: Heard): string[] => heard.events.map((event) => event.split(' ')[0] ?? '');

  test('tells the process, what was said, the outputs, their ends, and the death last', async () => {
    const heard = start('echo hello >&3; echo out >&5; echo err >&6');
    await heard.launched.dead;
    assert.ok(heard.launched.process > 1);
    assert.deepEqual(
      [heard.said(), heard.output('stdout'), heard.output('stderr')],
      ['hello\n', 'out\n', 'err\n'],
    );
    assert.deepEqual(
      kinds(heard)
        .filter((kind) => kind.endsWith('-ends'))
        .sort(),
      ['stderr-ends', 'stdout-ends'],
    );
  });

  test('says why a start request is none', async () => {
    const events: string[] = [];
    const launched = launcher.start(['--nonsense', 'x', '--', '/bin/true'], {
      said: (text) => events.push(text),
      output: () => {},
      outputEnded: () => {},
    });
    await launched.dead;
    assert.match(events.join(''), /argument --nonsense: Invalid argument/);
  });

  test('hands the go message over as it is, whatever its size', async () => {
    const size = 3_000_000;
    const heard = start(`head -c ${size} <&3 | sha256sum >&5`);
    const message = Buffer.alloc(size, 'paddock');
    heard.launched.go(message, PLENTY, false);
    await heard.launched.dead;
    const { createHash } = await import('node:crypto');
    assert.equal(heard.output('stdout').split(' ')[0], createHash('sha256').update(message).digest('hex'));
  });

  for (const streams of [true, false]) {
    const how = streams ? 'as it comes' : 'with the end';
    test(`tells of output that is wanted ${how} one byte more than wanted, and its end`, async () => {
      const heard = start('read go <&3; head -c 5000 /dev/zero >&5; printf exact >&6; exit');
      heard.launched.go(Buffer.from('go\n'), 5, streams);
      await heard.launched.dead;
      assert.deepEqual([heard.output('stdout').length, heard.output('stderr')], [6, 'exact']);
      assert.equal(kinds(heard).filter((kind) => kind.endsWith('-ends')).length, 2);
    });
  }

  test('tells of output as it comes where that is wanted', async () => {
    const heard = start('read go <&3; echo one >&5; read go <&3; echo two >&5');
    heard.launched.go(Buffer.from('go\n'), PLENTY, true);
    await waitFor(() => heard.output('stdout') === 'one\n', { what: 'the first line' });
    heard.launched.go(Buffer.from('go\n'), PLENTY, true);
    await heard.launched.dead;
    assert.equal(heard.output('stdout'), 'one\ntwo\n');
  });

  test('tells the exit after all output where the whole is wanted with the end', async () => {
    const heard = start(
      'read go <&3; echo out >&5; echo "exit 0 0 1 1 1 1" >&3; echo late >&5; echo err >&6',
    );
    heard.launched.go(Buffer.from('go\n'), PLENTY, false);
    await heard.launched.dead;
    assert.deepEqual([heard.output('stdout'), heard.output('stderr')], ['out\nlate\n', 'err\n']);
    const events = kinds(heard);
    assert.equal(heard.said(), 'exit 0 0 1 1 1 1\n');
    assert.ok(events.lastIndexOf('X') > events.lastIndexOf('stdout'), events.join());
    assert.ok(events.lastIndexOf('X') > events.lastIndexOf('stderr'), events.join());
  });

  // Again and again: one on its way to its exec holds open what others close, which only sometimes comes at their end.
  test('carries many at once without mixing them up, and stays alive', async () => {
    for (let round = 0; round < 10; round++) {
      const all = Array.from({ length: 40 }, (_, n) =>
        start(`read go <&3; for i in $(seq 50); do echo ${n} >&5; echo e${n} >&6; done`),
      );
      for (const [n, { launched }] of all.entries()) launched.go(Buffer.from('go\n'), PLENTY, n % 2 === 0);
      await Promise.all(all.map(({ launched }) => launched.dead));
      for (const [n, heard] of all.entries()) {
        assert.equal(heard.output('stdout'), `${n}\n`.repeat(50));
        assert.equal(heard.output('stderr'), `e${n}\n`.repeat(50));
      }
    }
  });

  test('kills what was launched, and nobody else', async () => {
    const [one, other] = [start('exec sleep 60'), start('read go <&3; echo alive >&5')];
    await waitFor(() => one.launched.process > 0 && other.launched.process > 0, { what: 'their processes' });
    one.launched.kill();
    await one.launched.dead;
    one.launched.kill();
    one.launched.go(Buffer.from('nobody hears this'), 1, true);
    assert.equal(isAlive(one.launched.process), false);
    other.launched.go(Buffer.from('go\n'), PLENTY, false);
    await other.launched.dead;
    assert.equal(other.output('stdout'), 'alive\n');
  });

  test('lets a program’s output end before it where that closes it', async () => {
    const heard = start('read go <&3; exec 5>&- 6>&-; read more <&3');
    heard.launched.go(Buffer.from('go\n'), PLENTY, false);
    await waitFor(() => kinds(heard).filter((kind) => kind.endsWith('-ends')).length === 2, {
      what: 'the ends of the outputs',
    });
    heard.launched.kill();
    await heard.launched.dead;
  });

  test('refuses to fork from what is no server, or is one no more', async () => {
    const heard = start('exec sleep 60');
    const request = { stdin: join(folder, 'in'), group: -1, joinFiles: [], fields: ['x'] };
    for (const server of [heard.launched.number, 4_000_000]) {
      const said: string[] = [];
      const forked = launcher.fork(
        { server, ...request },
        { said: (text) => said.push(text), output: () => {}, outputEnded: () => {} },
      );
      const timeout = AbortSignal.timeout(5_000);
      const late = new Promise((_, reject) =>
        timeout.addEventListener('abort', () => reject(timeout.reason)),
      );
      await Promise.race([forked.dead, late]);
      assert.match(said.join(''), /fork (server|request): /, `server ${server}`);
    }
    heard.launched.kill();
    await heard.launched.dead;
  });

  test('refuses what cannot be written down', () => {
    const listener = { said: () => {}, output: () => {}, outputEnded: () => {} };
    assert.throws(() => launcher.start(['a\0b'], listener), /NUL/);
    const request = { server: 1, stdin: '', group: -1, joinFiles: [], fields: ['a\0b'] };
    assert.throws(() => launcher.fork(request, listener), /NUL/);
  });

  test('takes everything along when it goes, however it goes', async () => {
    for (const end of ['close', 'kill'] as const) {
      const own = startLauncher(join(nativeFolder, 'paddock-launch'));
      const all = [start('exec sleep 60', own), start('exec sleep 60', own)];
      const pids = await waitFor(
        () =>
          all.every(({ launched }) => launched.process > 0) && all.map(({ launched }) => launched.process),
        { what: 'their processes' },
      );
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pids[0]}/status`, 'utf8'))?.[1]);
      assert.ok(descendantsOf(process.pid).some(({ pid }) => pid === parent));
      if (end === 'close') own.close();
      else process.kill(parent, 'SIGKILL');
      await own.gone;
      await Promise.all(all.map(({ launched }) => launched.dead));
      const after = start('true', own);
      await after.launched.dead;
      assert.deepEqual(after.events, []);
      for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL'); // bubblewrap's own would die with its parent
    }
  });
});

test('a launcher that is not there is gone', async () => {
  const launcher = startLauncher('/no/such/launcher');
  await launcher.gone;
  const launched = launcher.start(['x'], { said: () => {}, output: () => {}, outputEnded: () => {} });
  await launched.dead;
  launcher.close();
});
