import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { defaultLimits, type ExecutorRequest } from '../../../../service/contracts/index.ts';
import { type CompileInputs, compileKey } from '../../../../service/executor/compile-cache/key.ts';
import type { PlacedFile } from '../../../../service/executor/sandbox/port.ts';
import { sandboxSpec } from '../fake-sandbox.ts';

const source = (name: string, content: string): PlacedFile => ({ name, content: Buffer.from(content) });

const request: ExecutorRequest = {
  id: 'e1',
  tenant: 'grader',
  runtime: 'lang',
  version: '1.0',
  files: [],
  entry: 'main.l',
  args: [],
  stdin: '',
  stdinEncoding: 'utf8',
  env: {},
  limits: defaultLimits,
  outputs: [],
  stream: false,
  cache: true,
};

const inputs: CompileInputs = {
  request,
  sources: [source('main.l', 'program'), source('lib.l', 'library')],
  identity: 'lang 1.0',
  command: ['langc', '-O2', 'main.l'],
  env: { LANG: 'C', PATH: '/bin' },
  spec: sandboxSpec('spec'),
  artifacts: ['**'],
  limits: defaultLimits,
};
const plain = compileKey(inputs);
const keyWith = (changed: Partial<CompileInputs>): string => compileKey({ ...inputs, ...changed });

describe('the key of a compilation', () => {
  test('is the same for the same inputs, however they were put together', () => {
    assert.match(plain, /^[0-9a-f]{64}$/);
    assert.equal(compileKey(structuredClone({ ...inputs, sources: [] })), keyWith({ sources: [] }));
    assert.equal(keyWith({ env: { PATH: '/bin', LANG: 'C' } }), plain);
  });

  const [main, lib] = inputs.sources as [PlacedFile, PlacedFile];
  const changes: Record<string, Partial<CompileInputs>> = {
    'a byte of a file': { sources: [source('main.l', 'Program'), lib] },
    'a file’s name': { sources: [main, source('lib2.l', 'library')] },
    'one file less': { sources: [main] },
    'one file more': { sources: [main, lib, source('empty', '')] },
    'the order of files, which is that of linking': { sources: [lib, main] },
    'which content is whose': { sources: [source('main.l', 'library'), source('lib.l', 'program')] },
    'bytes moved from one file to the next': {
      sources: [source('main.l', 'programl'), source('lib.l', 'ibrary')],
    },
    'a file that can be executed': { sources: [{ ...main, executable: true }, lib] },
    'the runtime’s identity': { identity: 'lang 1.1' },
    'a word of the command': { command: ['langc', '-O3', 'main.l'] },
    'the words of the command': { command: ['langc', '-O2 main.l'] },
    'a variable’s value': { env: { ...inputs.env, LANG: 'de' } },
    'one variable more': { env: { ...inputs.env, CPATH: '/work' } },
    'the sandbox': { spec: sandboxSpec('other') },
    'what is started ahead': { spec: { ...inputs.spec, warmCommand: ['compiler'] } },
    'what is carried over': { artifacts: ['*.o'] },
    'the tenant': { request: { ...request, tenant: 'other' } },
    'the version': { request: { ...request, version: '1.1' } },
    'the entry': { request: { ...request, entry: 'lib.l' } },
    'a field that requests do not have today': {
      request: { ...request, image: 'registry/image:1' } as ExecutorRequest,
    },
  };
  for (const [what, changed] of Object.entries(changes)) {
    test(`changes with ${what}`, () => assert.notEqual(keyWith(changed), plain));
  }

  test('no two of these changes read the same', () => {
    assert.equal(new Set(Object.values(changes).map(keyWith)).size, Object.keys(changes).length);
  });

  test('changes with every limit of the compilation but the run’s wall time', () => {
    for (const name of Object.keys(defaultLimits) as (keyof typeof defaultLimits)[]) {
      const limits = { ...defaultLimits, [name]: defaultLimits[name] + 1 };
      if (name === 'wallMs') assert.equal(keyWith({ limits }), plain);
      else assert.notEqual(keyWith({ limits }), plain, name);
    }
  });

  test('changes with the scratch space of the run, which the artifacts have to fit into', () => {
    for (const name of ['scratchMb', 'scratchFiles'] as const) {
      const limits = { ...defaultLimits, [name]: 7 };
      assert.notEqual(keyWith({ request: { ...request, limits } }), plain, name);
    }
    const limits = { ...defaultLimits, memoryMb: 7, wallMs: 7 };
    assert.equal(keyWith({ request: { ...request, limits } }), plain);
  });

  test('does not change with what only the run sees', () => {
    for (const changed of [
      { id: 'e2' },
      { args: ['x'] },
      { stdin: 'x', stdinEncoding: 'base64' },
      { outputs: ['*'] },
      { stream: true },
      { tests: [{ name: 't', stdin: '' }] },
    ] satisfies Partial<ExecutorRequest>[]) {
      assert.equal(keyWith({ request: { ...request, ...changed } }), plain, Object.keys(changed).join());
    }
  });

  const file = fc.record({
    name: fc.string({ unit: 'binary', maxLength: 6 }),
    content: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  });
  const words = fc.array(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 3 });
  const part = fc.record({
    sources: fc.array(file, { maxLength: 3 }),
    command: words,
    artifacts: words,
    identity: fc.string({ unit: 'binary', maxLength: 4 }),
    env: fc.dictionary(fc.string({ maxLength: 3 }), fc.string({ unit: 'binary', maxLength: 3 }), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  });

  test('is equal for two compilations only where all that goes in is', () => {
    const seen = new Map<string, string>();
    const canonical = (
      value: Pick<CompileInputs, 'sources' | 'command' | 'artifacts' | 'identity' | 'env'>,
    ): string =>
      JSON.stringify([
        value.sources.map(({ name, content }) => [name, content.toString('hex')]),
        value.command,
        value.artifacts,
        value.identity,
        Object.entries(value.env).sort(([a], [b]) => (a < b ? -1 : 1)),
      ]);
    fc.assert(
      fc.property(part, (changed) => {
        const key = keyWith(changed);
        const known = seen.get(key);
        if (known !== undefined) assert.equal(known, canonical(changed));
        seen.set(key, canonical(changed));
      }),
      { numRuns: 2_000 },
    );
    assert.equal(new Set(seen.values()).size, seen.size, 'and different where one of them differs');
  });
});
