import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  defaultLimits,
  type ExecutorRequest,
  type OutputEvent,
  PaddockError,
} from '../../../service/contracts/index.ts';
import { execute } from '../../../service/executor/execution.ts';
import { FilesRefused } from '../../../service/executor/sandbox/port.ts';
import { NOT_REGULAR } from '../../../service/executor/sandbox/scratch.ts';
import { ended, type Script } from './fake-sandbox.ts';
import { begin, compiled, file, interpreted, onlyGo, perform, request, says } from './perform.ts';

const isError = (code: string) => (error: unknown) => error instanceof PaddockError && error.code === code;
describe('an execution', () => {
  test('puts the files, runs once, and answers', async () => {
    const { result, sandboxes } = await perform({
      request: {
        files: [
          { name: 'main.l', content: 'ü', encoding: 'utf8' },
          { name: 'data', content: '/w==', encoding: 'base64' },
        ],
        args: ['-x', 'y'],
        stdin: 'AAE=',
        stdinEncoding: 'base64',
        env: { LANG: 'C', MINE: '1' },
      },
      scripts: [says('hello')],
    });
    assert.deepEqual([result.run?.outcome, result.run?.stdout, result.compile], ['ok', 'hello', undefined]);
    const [sandbox] = sandboxes;
    assert.deepEqual(sandbox?.files, [file('main.l', 'ü'), { name: 'data', content: Buffer.from([255]) }]);
    const go = onlyGo(sandbox);
    assert.deepEqual(go.command, ['lang', 'main.l', '-x', 'y']);
    assert.deepEqual([go.entry, go.args], ['main.l', ['-x', 'y']]);
    assert.deepEqual(go.env, { STAGE: 'run', LANG: 'C', MINE: '1' });
    assert.deepEqual(Buffer.from(go.stdin), Buffer.from([0, 1]));
    assert.equal(go.wallMs, defaultLimits.wallMs);
    assert.equal(sandbox?.spec, interpreted.run.spec);
  });

  test('is warm where every sandbox was made ahead', async () => {
    const runtime = compiled;
    assert.equal((await perform({ runtime, warm: [true, true] })).result.warm, true);
    assert.equal((await perform({ runtime, warm: [false, true] })).result.warm, false);
    assert.equal((await perform({ runtime, warm: [true, false] })).result.warm, false);
  });

  test('takes another kind of sandbox for another scratch space, and only then', async () => {
    const of = async (changed: Partial<ExecutorRequest['limits']>) =>
      (await perform({ request: { limits: { ...defaultLimits, ...changed } } })).sandboxes[0]?.spec;
    assert.equal((await of({ memoryMb: 99, processes: 3, wallMs: 5 }))?.key, interpreted.run.spec.key);
    for (const changed of [{ scratchMb: 128 }, { scratchFiles: 77 }]) {
      const spec = await of(changed);
      assert.notEqual(spec?.key, interpreted.run.spec.key);
      assert.deepEqual({ ...spec?.limits }, { ...defaultLimits, ...changed });
    }
  });

  test('measures its steps', async () => {
    const { timings } = (await perform({ runtime: compiled, request: { outputs: ['*'] } })).result;
    const { totalMs, ...steps } = timings;
    // Each look at the clock is a millisecond here.
    assert.deepEqual(steps, { preparedMs: 2, compileMs: 1, runMs: 1, collectMs: 1 });
    assert.ok(totalMs >= 5);
  });

  test('answers before it has cleaned up, and tells of a fault in that', async () => {
    const cleaned = Promise.withResolvers<void>();
    const { result, cleanupFaults } = begin({ scripts: [{ destroy: () => cleaned.promise }] });
    assert.equal((await result).run?.outcome, 'ok');
    cleaned.reject(new Error('the cgroup is busy'));
    await turn();
    assert.deepEqual(
      cleanupFaults.map(({ message }) => message),
      ['the cgroup is busy'],
    );
  });

  test('passes on that there is no such runtime, and takes no sandbox', async () => {
    const refuse = async () => {
      throw new PaddockError('unknown-runtime');
    };
    const take = () => assert.fail('took a sandbox');
    const deps = {
      runtimes: { get: refuse },
      warmSet: { take },
      compileCache: undefined,
      now: () => 0,
      onCleanupFault: () => {},
    };
    await assert.rejects(execute(request(), deps, new AbortController().signal), isError('unknown-runtime'));
  });
});

describe('an execution with tests', () => {
  test('compiles once and runs each in a fresh sandbox with its own input', async () => {
    const { result, sandboxes } = await perform({
      runtime: compiled,
      request: {
        args: ['default'],
        tests: [
          { name: 'one', stdin: '1', expectedStdout: 'out' },
          { name: 'two', stdin: '2', args: ['own'] },
        ],
      },
      scripts: [says(''), says('out')],
    });
    assert.equal(sandboxes.length, 3);
    assert.equal(new Set(sandboxes).size, 3);
    const goes = sandboxes.slice(1).map(onlyGo);
    assert.deepEqual(
      goes.map(({ args, stdin }) => [args, Buffer.from(stdin).toString()]),
      [
        [['default'], '1'],
        [['own'], '2'],
      ],
    );
    assert.deepEqual(
      result.tests?.map(({ name, passed, stdout }) => [name, passed, stdout]),
      [
        ['one', true, 'out'],
        ['two', null, 'out'],
      ],
    );
    assert.equal(result.run, undefined);
  });

  const verdicts: [what: string, stdout: string | Buffer, expected: string, passed: boolean][] = [
    ['the same', 'a\nb\n', 'a\nb\n', true],
    ['white space at line ends and at the end aside', 'a  \r\nb\t\n\n', 'a\nb', true],
    ['white space at the start counts', ' a', 'a', false],
    ['an empty line in between counts', 'a\n\nb', 'a\nb', false],
    ['other text', 'a', 'b', false],
    ['nothing and nothing', '\n', '', true],
    ['bytes that are no text', Buffer.from([0xff]), '/w==', false],
  ];
  for (const [what, stdout, expectedStdout, passed] of verdicts) {
    test(`${passed ? 'passes' : 'does not pass'}: ${what}`, async () => {
      const tests = [{ name: 't', stdin: '', expectedStdout }];
      const { result } = await perform({ request: { tests }, scripts: [says(stdout)] });
      assert.equal(result.tests?.[0]?.passed, passed);
    });
  }

  test('goes on after one that fails, which does not pass with the right output', async () => {
    const tests = ['a', 'b'].map((name) => ({ name, stdin: '', expectedStdout: 'x' }));
    const { result } = await perform({
      request: { tests },
      scripts: [says('x', { exitCode: 1 }), says('x')],
    });
    assert.deepEqual(
      result.tests?.map(({ passed }) => passed),
      [false, true],
    );
  });
});

describe('what an execution gives back', () => {
  test('the files it was asked for, as text or base64, and why others are missing', async () => {
    const omitted = [{ name: 'link.png', reason: NOT_REGULAR }];
    const { result, sandboxes } = await perform({
      request: { outputs: ['*.txt', '*.png'] },
      scripts: [
        {
          read: async () => ({
            files: [file('a.txt', 'ü'), { name: 'b.png', content: Buffer.from([255]) }],
            omitted,
          }),
        },
      ],
    });
    assert.deepEqual(sandboxes[0]?.readings, [['*.txt', '*.png']]);
    assert.deepEqual(result.outputs, [
      { name: 'a.txt', content: 'ü', encoding: 'utf8', size: 2 },
      { name: 'b.png', content: '/w==', encoding: 'base64', size: 1 },
    ]);
    assert.deepEqual(result.outputsOmitted, omitted);
  });

  test('no files where it asked for none, also after a failure where it did', async () => {
    const { result, sandboxes } = await perform();
    assert.deepEqual([result.outputs, result.outputsOmitted, sandboxes[0]?.readings], [[], undefined, []]);
    const failed = await perform({ request: { outputs: ['*'] }, scripts: [says('', { exitCode: 1 })] });
    assert.deepEqual(failed.sandboxes[0]?.readings, [['*']]);
  });

  test('output as it comes, named after its stage and test, characters whole', async () => {
    const events: OutputEvent[] = [];
    const euro = Buffer.from('€');
    const chatty: Script = {
      async go(go) {
        go.onOutput?.('stdout', euro.subarray(0, 1));
        go.onOutput?.('stderr', Buffer.from('e'));
        go.onOutput?.('stdout', euro.subarray(1));
        go.onOutput?.('stdout', euro.subarray(0, 2));
        return ended();
      },
    };
    await perform({
      runtime: compiled,
      request: { tests: [{ name: 't', stdin: '' }] },
      scripts: [says(''), chatty],
      emit: (event) => events.push(event),
    });
    const about = { stage: 'run', test: 't' };
    assert.deepEqual(events, [
      { ...about, stream: 'stderr', content: 'e', encoding: 'utf8' },
      { ...about, stream: 'stdout', content: '€', encoding: 'utf8' },
      { ...about, stream: 'stdout', content: '4oI=', encoding: 'base64' },
    ]);
  });
});

describe('an execution that cannot go on', () => {
  const refusals: [code: string, message: RegExp][] = [
    ['ENOSPC', /^the files do not fit into the scratch space of 64 MiB and 4096 files$/],
    ['EEXIST', /^the files cannot be written \(EEXIST\)$/],
  ];
  for (const [code, message] of refusals) {
    test(`is the caller’s fault where its files are refused with ${code}`, async () => {
      const go = async () => {
        throw new FilesRefused(code);
      };
      const { result, sandboxes } = begin({ scripts: [{ go }] });
      await assert.rejects(result, (error: unknown) => {
        assert.ok(error instanceof PaddockError);
        assert.equal(error.code, 'invalid-request');
        const [fault] = error.details.errors ?? [];
        assert.equal(fault?.path, 'files');
        assert.match(fault?.message ?? '', message);
        return true;
      });
      assert.equal(sandboxes[0]?.destroyed, 1);
    });
  }

  test('is the caller’s fault where a compilation’s files are refused, and is not run', async () => {
    const go = async () => {
      throw new FilesRefused('ENOSPC');
    };
    const { result, sandboxes } = begin({ runtime: compiled, scripts: [{ go }] });
    await assert.rejects(result, isError('invalid-request'));
    assert.deepEqual(
      sandboxes.map(({ destroyed }) => destroyed),
      [1],
    );
  });

  test('is our own fault where the sandbox fails in any other way, even with such a code', async () => {
    const fault = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const go = async () => {
      throw fault;
    };
    await assert.rejects(begin({ scripts: [{ go }] }).result, fault);
  });

  test('is cancelled by its signal: the sandbox is destroyed, nothing follows', async () => {
    const cancel = new AbortController();
    const { result, sandboxes } = begin({
      runtime: compiled,
      signal: cancel.signal,
      scripts: [
        {
          async go(_go, signal) {
            assert.equal(signal, cancel.signal);
            cancel.abort();
            return ended({ reason: 'cancelled', exitCode: null, signal: 9 });
          },
        },
      ],
    });
    await assert.rejects(result, isError('client-closed'));
    assert.deepEqual(
      sandboxes.map(({ destroyed }) => destroyed),
      [1],
    );
  });

  test('passes on what the sandbox throws, after destroying it', async () => {
    const { result, sandboxes } = begin({
      scripts: [{ go: () => Promise.reject(new Error('no more pids')) }],
    });
    await assert.rejects(result, /no more pids/);
    assert.equal(sandboxes[0]?.destroyed, 1);
  });

  test('says so as data where the sandbox was lost', async () => {
    const { result } = await perform({ scripts: [says('', { reason: 'lost', fault: 'gone' })] });
    assert.deepEqual([result.run?.outcome, result.run?.message], ['internal-error', 'gone']);
  });
});
