import { limitsSchema } from '../../../service/contracts/limits.ts';
import { execute, executorsOf, post } from '../../harness/client.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Attack, RequestAttack } from '../attack.ts';

const program = { runtime: 'python', code: 'print(1)' };

const badName = (label: string, name: string): RequestAttack => ({
  name: `file-name-${label}`,
  body: { runtime: 'python', files: [{ name, content: 'print(1)' }] },
  status: 400,
  code: 'invalid-request',
  path: 'files.0.name',
});

const limitNames = Object.keys(limitsSchema.shape);
const badLimits: readonly (readonly [string, unknown])[] = [
  ['zero', 0],
  ['negative', -1],
  ['huge', 1e15],
  ['text', '10'],
  ['null', null],
  ['list', [1]],
];

export const input: readonly Attack[] = [
  badName('parent', '../evil.py'),
  badName('inner-parent', 'a/../../evil.py'),
  badName('dot', './evil.py'),
  badName('absolute', '/etc/passwd'),
  badName('empty', ''),
  badName('empty-segment', 'a//b.py'),
  badName('trailing-slash', 'a/'),
  badName('newline', 'a\nb.py'),
  badName('nul', 'a\0b.py'),
  badName('escape', 'a\u001b[31mb.py'),
  badName('backslash', '..\\evil.py'),
  badName('4-kib', `${'a'.repeat(4_096)}.py`),
  badName('long-segment', `${'a'.repeat(256)}`),
  badName('long-in-bytes', '😀'.repeat(64)),
  badName('17-levels', 'd/'.repeat(16).concat('a.py')),
  {
    name: 'file-name-lone-surrogate',
    body: '{"runtime":"python","files":[{"name":"a\\ud800.py","content":"print(1)"}]}',
    status: [200, 400],
  },
  {
    name: 'file-name-duplicate',
    body: {
      runtime: 'python',
      files: [
        { name: 'a.py', content: '' },
        { name: 'a.py', content: '' },
      ],
    },
    status: 400,
    path: 'files.1.name',
  },
  {
    name: 'file-name-file-and-folder',
    body: {
      runtime: 'python',
      files: [
        { name: 'a', content: '' },
        { name: 'a/b.py', content: '' },
      ],
    },
    status: 400,
    path: 'files.1.name',
  },
  ...[
    '-c',
    '-rf.py',
    '$(id).py',
    ';id.py',
    '`id`.py',
    ' .py',
    '%2e%2e',
    '{entry}',
    '{toolchain}.py',
    '__proto__',
    'sitecustomize.py',
    'encodings/__init__.py',
  ].map(
    (name): Attack => ({
      name: `entry-${name}`,
      runtime: 'python',
      request: { files: [{ name, content: "print('fine')\n" }], entry: name },
      outcome: 'ok',
      maxMs: 3_000,
      check: (_, stage) =>
        stage.stdout === 'fine\n' ? [] : [`stdout ${JSON.stringify(stage.stdout.slice(0, 80))}`],
    }),
  ),
  {
    name: 'files-1000',
    runtime: 'python',
    request: {
      files: [
        { name: 'main.py', content: "import os\nprint(sum(len(f) for _, _, f in os.walk('.')))\n" },
        ...Array.from({ length: 999 }, (_, index) => ({
          name: `d${index % 30}/f${index}.txt`,
          content: `${index}`,
        })),
      ],
    },
    outcome: 'ok',
    maxMs: 5_000,
    check: (_, stage) => (stage.stdout === '1000\n' ? [] : [`stdout ${JSON.stringify(stage.stdout)}`]),
  },
  {
    name: 'files-1001',
    body: {
      runtime: 'python',
      files: Array.from({ length: 1_001 }, (_, index) => ({ name: `f${index}`, content: '' })),
    },
    status: 400,
    path: 'files',
  },
  {
    name: 'files-larger-than-scratch',
    body: {
      runtime: 'python',
      files: [
        { name: 'main.py', content: 'print(1)\n' },
        { name: 'large.bin', content: 'x'.repeat(3 << 20) },
      ],
      limits: { scratchMb: 1 },
    },
    status: 400,
    path: 'files',
  },
  {
    name: 'files-more-than-scratch-files',
    body: {
      runtime: 'python',
      files: Array.from({ length: 500 }, (_, index) => ({ name: `f${index}`, content: '' })),
      limits: { scratchFiles: 10 },
    },
    status: 400,
    path: 'files',
  },
  {
    name: 'base64-that-is-not',
    body: { runtime: 'python', files: [{ name: 'a.py', content: 'not base64!', encoding: 'base64' }] },
    status: 400,
    path: 'files.0.content',
  },
  {
    name: 'base64-cut-short',
    body: { runtime: 'python', files: [{ name: 'a.py', content: 'QUJD1', encoding: 'base64' }] },
    status: 400,
    path: 'files.0.content',
  },
  {
    name: 'base64-stdin',
    body: { ...program, stdin: '====', stdinEncoding: 'base64' },
    status: 400,
    path: 'stdin',
  },
  ...limitNames.flatMap((limit) =>
    badLimits.map(
      ([label, value]): RequestAttack => ({
        name: `limit-${limit}-${label}`,
        body: { ...program, limits: { [limit]: value } },
        status: 400,
        code: 'invalid-request',
        path: `limits.${limit}`,
      }),
    ),
  ),
  { name: 'limit-unknown', body: { ...program, limits: { memory: 1 } }, status: 400, path: 'limits.memory' },
  {
    name: 'limit-not-a-number',
    body: '{"runtime":"python","code":"1","limits":{"wallMs":NaN}}',
    status: 400,
  },
  {
    name: 'limit-infinite',
    body: '{"runtime":"python","code":"1","limits":{"wallMs":1e999}}',
    status: 400,
    path: 'limits.wallMs',
  },
  { name: 'limit-null', body: { ...program, limits: null }, status: 400, path: 'limits' },
  { name: 'deadline-zero', body: { ...program, deadlineMs: 0 }, status: 400, path: 'deadlineMs' },
  { name: 'environment-name', body: { ...program, env: { 'A=B': 'x' } }, status: 400, path: 'env.A=B' },
  {
    name: 'environment-nul',
    body: { ...program, env: { A: 'x\0LD_PRELOAD=y' } },
    status: 400,
    path: 'env.A',
  },
  { name: 'argument-nul', body: { ...program, args: ['a\0b'] }, status: 400, path: 'args.0' },
  { name: 'unknown-field', body: { ...program, run_timeout: 1 }, status: 400, path: 'run_timeout' },
  {
    name: 'prototype-field',
    body: '{"runtime":"python","code":"1","__proto__":{"admin":true}}',
    status: 400,
  },
  {
    name: 'constructor-field',
    body: '{"runtime":"python","code":"1","constructor":{"prototype":{"a":1}}}',
    status: 400,
  },
  {
    name: 'prototype-environment',
    body: '{"runtime":"python","code":"print(1)","env":{"__proto__":"x"}}',
    status: [200, 400],
  },
  {
    name: 'code-and-files',
    body: { ...program, files: [{ name: 'a', content: '' }] },
    status: 400,
    path: 'code',
  },
  { name: 'no-code', body: { runtime: 'python' }, status: 400, path: 'code' },
  { name: 'no-json', body: '{"runtime":', status: 400, code: 'invalid-request' },
  { name: 'empty-body', body: '', status: 400, code: 'invalid-request' },
  { name: 'deep-json', body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`, status: 400 },
  { name: 'body-list', body: [], status: 400 },
  { name: 'body-null', body: 'null', status: 400 },
  {
    name: 'body-form',
    body: 'runtime=python',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
  },
  {
    name: 'body-too-large',
    body: { ...program, stdin: 'x'.repeat(9 << 20) },
    status: 413,
    code: 'payload-too-large',
  },
  { name: 'unknown-runtime', body: { ...program, runtime: 'pythn' }, status: 404, code: 'unknown-runtime' },
  { name: 'runtime-path', body: { ...program, runtime: '../../etc' }, status: 404, code: 'unknown-runtime' },
  {
    name: 'runtime-prototype',
    body: { ...program, runtime: '__proto__' },
    status: 404,
    code: 'unknown-runtime',
  },
  { name: 'unknown-version', body: { ...program, version: '99' }, status: 404, code: 'unknown-version' },
  { name: 'version-nonsense', body: { ...program, version: '$(id)' }, status: [400, 404] },
  {
    name: 'refused-requests-cost-no-sandbox',
    runtimes: ['python'],
    maxMs: 10_000,
    async run({ url }) {
      const used = async (): Promise<number> =>
        (await executorsOf(url)).reduce((sum, { counters }) => sum + counters.executions, 0);
      // The dispatcher's view of its executors may lag behind; a run of our own shows when it has caught up.
      const settled = async (): Promise<number> => {
        const before = await used();
        await execute(url, program);
        return waitFor(
          async () => {
            const now = await used();
            return now > before && now;
          },
          { what: 'the executor to count' },
        );
      };
      await settled();
      const before = await settled();
      for (const body of [
        '{',
        JSON.stringify({ ...program, args: ['\0'] }),
        JSON.stringify({ ...program, runtime: 'x' }),
      ]) {
        for (let round = 0; round < 20; round++) await post(url, '/v1/executions', body);
      }
      const after = await settled();
      return {
        outcome: 'ok',
        faults: after === before + 1 ? [] : [`${after - before - 1} executions for refused requests`],
      };
    },
  },
];
