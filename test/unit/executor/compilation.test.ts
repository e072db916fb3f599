import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultLimits, type ExecutorRequest, type OutputEvent } from '../../../service/contracts/index.ts';
import { createCompileCache } from '../../../service/executor/compile-cache/cache.ts';
import { NOT_REGULAR } from '../../../service/executor/sandbox/scratch.ts';
import type { Script } from './fake-sandbox.ts';
import { begin, compiled, file, onlyGo, perform, says } from './perform.ts';

describe('a compiled execution', () => {
  const program = { ...file('main.o', 'machine code'), executable: true, modifiedMs: 7 };

  test('carries its artifacts, and only them, into a second sandbox', async () => {
    const { result, sandboxes } = await perform({
      runtime: compiled,
      request: {
        args: ['a'],
        stdin: 'in',
        files: [
          { name: 'main.l', content: '', encoding: 'utf8' },
          { name: 'lib/x.l', content: '', encoding: 'utf8' },
          { name: 'README', content: '', encoding: 'utf8' },
        ],
      },
      scripts: [{ ...says('compiled'), read: async () => ({ files: [program], omitted: [] }) }, says('ran')],
    });
    assert.deepEqual([result.compile?.stdout, result.run?.stdout], ['compiled', 'ran']);
    const [first, second] = sandboxes;
    assert.equal(sandboxes.length, 2);
    assert.deepEqual(first?.readings, [['*.o']]);
    assert.deepEqual(second?.files, [program]);
    const compiling = onlyGo(first);
    assert.deepEqual(compiling.command, ['langc', './main.l', './lib/x.l'], 'no arguments of the program');
    assert.equal(compiling.stdin.length, 0);
    assert.equal(compiling.wallMs, defaultLimits.compileMs);
    assert.equal(compiling.limits.memoryMb, 512, 'at least what compiling needs');
    assert.ok(compiling.limits.cpuMs >= defaultLimits.compileMs, 'CPU time is no shorter than its wall time');
    assert.equal(onlyGo(second).limits.memoryMb, defaultLimits.memoryMb);
  });

  test('keeps a caller’s limits where they are above what compiling needs', async () => {
    const limits = { ...defaultLimits, memoryMb: 1_024, compileMs: 60_000, cpus: 2 };
    const { sandboxes } = await perform({ runtime: compiled, request: { limits } });
    const compiling = onlyGo(sandboxes[0]).limits;
    assert.deepEqual([compiling.memoryMb, compiling.cpuMs], [1_024, 120_000]);
  });

  test('stops where the compilation fails', async () => {
    const { result, sandboxes } = await perform({
      runtime: compiled,
      request: { tests: [{ name: 't', stdin: '' }], outputs: ['*'] },
      scripts: [says('', { exitCode: 1, stderr: Buffer.from('no semicolon') })],
    });
    assert.deepEqual([result.compile?.outcome, result.compile?.stderr], ['nonzero-exit', 'no semicolon']);
    assert.deepEqual([result.run, result.tests, result.outputs], [undefined, undefined, []]);
    assert.equal(sandboxes.length, 1);
    assert.deepEqual(sandboxes[0]?.readings, []);
  });

  test('ends with a full disk where an artifact is too large, not where it is a link', async () => {
    const omitting = (reason: string): Script => ({
      read: async () => ({ files: [program], omitted: [{ name: 'big.o', reason }] }),
    });
    const { result, sandboxes } = begin({
      runtime: compiled,
      scripts: [omitting('more than 5 bytes in all')],
    });
    const { compile, run } = await result;
    assert.equal(compile?.outcome, 'disk-limit');
    assert.match(compile?.message ?? '', /does not fit into the scratch space/);
    assert.equal(run, undefined);
    assert.equal(sandboxes[0]?.destroyed, 1);
    assert.equal(
      (await perform({ runtime: compiled, scripts: [omitting(NOT_REGULAR)] })).sandboxes.length,
      2,
    );
  });
});

describe('an execution whose program was compiled before', () => {
  const program = { ...file('main.o', 'machine code'), executable: true, modifiedMs: 7 };
  const scripts: Script[] = [
    {
      ...says('', { stderr: Buffer.from('unused x'), cpuMs: 400 }),
      read: async () => ({ files: [program], omitted: [] }),
    },
    says('ran'),
  ];
  const after = async (changed: Partial<ExecutorRequest> = {}, first: Partial<ExecutorRequest> = {}) => {
    const compileCache = createCompileCache(1024 * 1024);
    const shared = { runtime: compiled, compileCache };
    await perform({ ...shared, scripts, request: first });
    const events: OutputEvent[] = [];
    const emit = (event: OutputEvent) => events.push(event);
    return { ...(await perform({ ...shared, scripts: [says('again')], request: changed, emit })), events };
  };
  const isCached = async (...requests: Parameters<typeof after>) =>
    (await after(...requests)).result.compile?.cached === true;

  test('takes one sandbox, for the run, and puts the same files there', async () => {
    const { result, sandboxes } = await after({ args: ['other'], stdin: 'other', id: 'e2' });
    assert.equal(sandboxes.length, 1);
    assert.deepEqual(sandboxes[0]?.files, [program]);
    assert.equal(result.run?.stdout, 'again');
    assert.equal(result.timings.compileMs, 1, 'what looking it up took');
  });

  test('says so beside what the compiler said, with the figures of then', async () => {
    const { compile } = (await after()).result;
    assert.deepEqual(
      [compile?.cached, compile?.outcome, compile?.stderr, compile?.cpuMs],
      [true, 'ok', 'unused x', 400],
    );
    assert.equal((await perform({ runtime: compiled, scripts })).result.compile?.cached, undefined);
  });

  test('streams what the compiler said', async () => {
    const [first] = (await after()).events;
    assert.deepEqual(first, { stage: 'compile', stream: 'stderr', content: 'unused x', encoding: 'utf8' });
  });

  test('is compiled anew for another tenant, other limits, other sources, or another environment', async () => {
    assert.equal(await isCached(), true);
    assert.equal(await isCached({ tenant: 'other' }), false);
    assert.equal(await isCached({ limits: { ...defaultLimits, compileMs: 1 } }), false);
    assert.equal(await isCached({ limits: { ...defaultLimits, scratchMb: 1 } }), false);
    assert.equal(await isCached({ env: { CPATH: '/work' } }), false);
    assert.equal(await isCached({ files: [{ name: 'main.l', content: 'x', encoding: 'utf8' }] }), false);
  });

  test('is compiled anew where the caller refuses, and then nothing is kept', async () => {
    assert.equal(await isCached({ cache: false }), false);
    assert.equal(await isCached({}, { cache: false }), false);
  });

  test('is compiled anew by a runtime that has changed', async () => {
    const compileCache = createCompileCache(1024 * 1024);
    await perform({ runtime: compiled, compileCache, scripts });
    const { result } = await perform({
      runtime: { ...compiled, identity: 'lang 1.0, patched' },
      compileCache,
      scripts,
    });
    assert.equal(result.compile?.cached, undefined);
  });

  test('is not kept where its artifacts are not complete', async () => {
    const compileCache = createCompileCache(1024 * 1024);
    const omitted = [{ name: 'big.o', reason: 'more than 5 bytes in all' }];
    const { result } = begin({
      runtime: compiled,
      compileCache,
      scripts: [{ read: async () => ({ files: [program], omitted }) }],
    });
    assert.equal((await result).compile?.outcome, 'disk-limit');
    assert.equal(compileCache.status().entries, 0);
  });
});
