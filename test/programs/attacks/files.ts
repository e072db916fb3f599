import type { ExecutionResult, Stage } from '../../../service/contracts/execution.ts';
import type { Attack, Check } from '../attack.ts';

const contentOf = (result: ExecutionResult, name: string): string | undefined => {
  const file = result.outputs.find((candidate) => candidate.name === name);
  return file && Buffer.from(file.content, file.encoding).toString('utf8');
};

const zooNames = [
  'good.txt',
  'hard-own.txt',
  'inner/deep.txt',
  'ünï.txt',
  '-rf.txt',
  ' .txt',
  '{a}.txt',
  '__proto__.txt',
  '%2e%2e.txt',
  `${'a'.repeat(251)}.txt`,
];
/** Files of the program's own that may come back or be left out: their names or modes are what is odd. */
const zooMaybe = new Set([
  'unreadable.txt',
  'closed/in.txt',
  'new\nline.txt',
  'esc\u001b[31m.txt',
  'back\\slash.txt',
  'tab\t.txt',
]);

const zoo: Check = (result) => [
  ...zooNames
    .filter((name) => contentOf(result, name) === undefined)
    .map((name) => `${name} did not come back`),
  ...result.outputs
    .filter(({ name }) => !zooNames.includes(name) && !zooMaybe.has(name))
    .map(({ name }) => `${JSON.stringify(name)} came back`),
  ...(contentOf(result, 'good.txt') === 'good' ? [] : ['good.txt has another content']),
  ...(contentOf(result, 'hard-own.txt') === 'good' ? [] : ['hard-own.txt has another content']),
];

const within =
  (most: number): Check =>
  (result) =>
    result.outputs.length <= most ? [] : [`${result.outputs.length} files came back`];

const noCore = (result: ExecutionResult, stage: Stage): string[] => [
  ...(result.outputs.some(({ name }) => name.startsWith('core')) ? ['a core file'] : []),
  ...(stage.signal === 'SIGABRT' ? [] : [`signal ${stage.signal}`]),
];

export const files: readonly Attack[] = [
  {
    name: 'disk-fill',
    runtime: 'python',
    program: 'disk-fill.py',
    request: { args: ['{context}', '16'], limits: { scratchMb: 16 } },
    outcome: 'disk-limit',
    held: 1,
    maxMs: 5_000,
  },
  {
    name: 'inode-fill',
    runtime: 'python',
    program: 'inode-fill.py',
    request: { args: ['{context}', '500'], limits: { scratchFiles: 500 } },
    outcome: 'disk-limit',
    held: 1,
    maxMs: 5_000,
  },
  {
    name: 'inode-fill-folders-and-links',
    runtime: 'python',
    program: 'inode-folders.py',
    request: { args: ['{context}', '500'], limits: { scratchFiles: 500 } },
    outcome: 'disk-limit',
    held: 1,
    maxMs: 5_000,
  },
  {
    name: 'file-size',
    runtime: 'c',
    program: 'file-size.c',
    request: { limits: { fileMb: 4, scratchMb: 64 } },
    outcome: 'disk-limit',
    maxMs: 4_000,
  },
  {
    name: 'sparse-terabyte',
    runtime: 'python',
    program: 'sparse.py',
    request: { args: ['{context}', '60000000'], outputs: ['*.bin'] },
    outcome: ['ok', 'nonzero-exit'],
    maxMs: 6_000,
    check: (_, stage) => (stage.stdout.includes('terabyte refused') ? [] : ['a terabyte was made']),
  },
  {
    name: 'outputs-zoo',
    runtime: 'python',
    program: 'outputs-zoo.py',
    request: {
      args: ['{context}'],
      outputs: ['*.txt', 'inner/**', 'folder/**', 'root/**', 'loop/**', 'closed/**', '**/etc/**'],
    },
    outcome: 'ok',
    held: 1,
    maxMs: 4_000,
    check: zoo,
  },
  {
    name: 'outputs-everything',
    runtime: 'python',
    program: 'outputs-zoo.py',
    request: {
      args: ['{context}'],
      outputs: ['**', '**/*', '*', 'etc/*', '**/passwd'],
    },
    outcome: 'ok',
    maxMs: 4_000,
    check: (result) =>
      result.outputs
        .filter(({ content, encoding }) => Buffer.from(content, encoding).includes('root:x:0'))
        .map(({ name }) => `${name} is a file of the host`),
  },
  {
    name: 'outputs-swapped-for-links',
    runtime: 'python',
    program: 'outputs-swap.py',
    request: { outputs: ['**', 'a/*', 'a/passwd', 'a/shadow'] },
    outcome: 'ok',
    maxMs: 3_000,
    check: (result) =>
      result.outputs
        .filter(({ name }) => /passwd|shadow|hosts/.test(name))
        .map(({ name }) => `${name} came back`),
  },
  {
    name: 'outputs-10000-files',
    runtime: 'python',
    program: 'outputs-many.py',
    request: { outputs: ['*'], limits: { scratchFiles: 20_000 } },
    outcome: 'ok',
    held: 1,
    maxMs: 8_000,
    check: (result, stage) => [
      ...within(10_001)(result, stage),
      ...(result.outputs.length < 10_000 && !result.outputsOmitted?.length
        ? ['files are missing without a word']
        : []),
    ],
  },
  {
    name: 'outputs-1000-levels',
    runtime: 'python',
    program: 'outputs-deep.py',
    request: { outputs: ['**'] },
    outcome: 'ok',
    held: 1,
    maxMs: 4_000,
  },
  {
    name: 'outputs-too-large',
    runtime: 'python',
    program: 'outputs-large.py',
    request: { outputs: ['*.bin'] },
    outcome: 'ok',
    held: 1,
    maxMs: 8_000,
    check: (result) => {
      const total = result.outputs.reduce((sum, file) => sum + file.size, 0);
      return [
        ...(total <= 48 * 1024 * 1024 ? [] : [`${total} bytes came back`]),
        ...(result.outputs.length === 8 || result.outputsOmitted?.length
          ? []
          : ['files are missing without a word']),
      ];
    },
  },
  {
    name: 'outputs-costly-pattern',
    runtime: 'python',
    code: "import os\nfor n in range(200):\n    open('a' * 200 + str(n), 'w').close()\n",
    request: {
      outputs: [
        `${'*a'.repeat(60)}b`,
        `${'**/'.repeat(60)}b`,
        `{${'a,'.repeat(100)}}b`,
        '+(a|aa)+(a|aa)+(a|aa)b',
        '((((((a*)*)*)*)*)*)b',
      ],
    },
    outcome: 'ok',
    maxMs: 3_000,
    check: (result) => (result.outputs.length === 0 ? [] : ['something matched']),
  },
  {
    name: 'core-dump',
    runtime: 'c',
    program: 'core-dump.c',
    request: { outputs: ['*core*', '**/core*'] },
    outcome: 'signal',
    held: 1,
    maxMs: 3_000,
    check: noCore,
  },
  {
    name: 'write-outside',
    runtime: 'python',
    program: 'read-only.py',
    outcome: 'ok',
    held: 30,
    maxMs: 5_000,
  },
  { name: 'setuid-files', runtime: 'c', program: 'setuid.c', outcome: 'ok', held: 10, maxMs: 5_000 },
];
