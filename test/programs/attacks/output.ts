import type { Stage } from '../../../service/contracts/execution.ts';
import type { Attack, ProgramAttack } from '../attack.ts';

const flood = (mode: string, streams: readonly ('stdout' | 'stderr')[]): ProgramAttack => ({
  name: `output-flood-${mode}`,
  runtime: 'c',
  program: 'flood.c',
  request: { args: [mode], limits: { outputBytes: 100_000, wallMs: 8_000 } },
  outcome: 'output-limit',
  maxMs: 4_000,
  check: (_, stage) => [
    ...(streams.some((stream) => stage[`${stream}Truncated`]) ? [] : ['no stream is marked as truncated']),
    ...(['stdout', 'stderr'] as const).flatMap((stream) =>
      stage[stream].length > 100_000 ? [`${stream} holds ${stage[stream].length} bytes`] : [],
    ),
    ...(streams.length === 1 && stage[streams[0] ?? 'stdout'].length !== 100_000
      ? ['the output up to the limit is missing']
      : []),
  ],
});

const bytes = (name: string, hex: string, pieceSize: number, times = 1): ProgramAttack => {
  const expected = Buffer.from(hex.repeat(times), 'hex');
  const isText = Buffer.from(expected.toString('utf8'), 'utf8').equals(expected);
  const faults = (stage: Stage, stream: 'stdout' | 'stderr'): string[] => {
    const encoding = stage[`${stream}Encoding`];
    if (isText && encoding !== 'utf8') return [`${stream} is valid UTF-8 and came as ${encoding}`];
    if (!isText && encoding !== 'base64') return [`${stream} is not UTF-8 and came as ${encoding}`];
    return Buffer.from(stage[stream], encoding).equals(expected) ? [] : [`${stream} has other bytes`];
  };
  return {
    name: `output-${name}`,
    runtime: 'python',
    program: 'bytes.py',
    request: { args: [hex, String(pieceSize), String(times)] },
    outcome: 'ok',
    maxMs: 4_000,
    check: (_, stage) => [...faults(stage, 'stdout'), ...faults(stage, 'stderr')],
  };
};

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

const exact = (size: number, limit: number, outcome: 'ok' | 'output-limit'): ProgramAttack => ({
  name: `output-${size}-of-${limit}`,
  runtime: 'python',
  program: 'exact-output.py',
  request: { args: [String(size)], limits: { outputBytes: limit } },
  outcome,
  maxMs: 3_000,
  check: (_, stage) => [
    ...(stage.stdout.length === Math.min(size, limit) ? [] : [`stdout holds ${stage.stdout.length} bytes`]),
    ...(stage.stdoutTruncated === size > limit ? [] : [`truncated is ${stage.stdoutTruncated}`]),
  ],
});

export const output: readonly Attack[] = [
  flood('stdout', ['stdout']),
  flood('stderr', ['stderr']),
  flood('both', ['stdout', 'stderr']),
  { ...flood('forks', ['stdout']), outcome: 'output-limit' },
  exact(1, 1, 'ok'),
  exact(2, 1, 'output-limit'),
  exact(262_144, 262_144, 'ok'),
  exact(262_145, 262_144, 'output-limit'),
  exact(16_777_216, 16_777_216, 'ok'),
  bytes('invalid-utf8', 'fffe80c3280a', 1),
  bytes('nul', '610062000a', 1),
  bytes('overlong', 'c0af', 2),
  bytes('surrogate', 'eda080', 3),
  bytes('cut-character', 'e282', 1),
  bytes('byte-order-mark', 'efbbbf61', 4),
  bytes('split-characters', hex('aé€😀ｚ'), 1),
  bytes('split-at-the-pipe-size', hex('€'), 4_097, 22_000),
  bytes('escape-sequences', hex('\u001b]0;title\u0007\u001b[2J\r\b\u009b31m'), 3),
  {
    name: 'output-cut-between-characters',
    runtime: 'python',
    program: 'euro-flood.py',
    request: { limits: { outputBytes: 1_000 } },
    outcome: 'output-limit',
    maxMs: 3_000,
    check: (_, stage) => [
      ...(stage.stdoutEncoding === 'utf8'
        ? []
        : [`text came as ${stage.stdoutEncoding} where the limit cut it`]),
      ...(/^€*$/.test(stage.stdout) ? [] : ['a character was cut']),
      ...(stage.stdout.length >= 300 && stage.stdoutTruncated
        ? []
        : ['the output up to the limit is missing']),
    ],
  },
  {
    name: 'stdin-million-lines-unread',
    runtime: 'python',
    program: 'stdin-unread.py',
    request: { stdin: '12345\n'.repeat(1_000_000) },
    outcome: 'ok',
    maxMs: 5_000,
    check: (_, stage) => (stage.stdout === 'did not read\n' ? [] : ['other output']),
  },
  {
    name: 'stdin-reopened-for-writing',
    runtime: 'python',
    program: 'stdin-reopen.py',
    request: { stdin: 'the input' },
    outcome: 'ok',
    held: 7,
    maxMs: 3_000,
    check: (_, stage) => (stage.stdout.includes('read: the input') ? [] : ['standard input was changed']),
  },
  {
    name: 'stdout-reopened',
    runtime: 'python',
    program: 'stdout-reopen.py',
    outcome: 'ok',
    held: 2,
    maxMs: 3_000,
    check: (_, stage) => (stage.stdout.endsWith('end\n') ? [] : ['the end is missing']),
  },
  {
    name: 'terminal-injection',
    runtime: 'c',
    program: 'terminal.c',
    outcome: 'ok',
    held: 7,
    maxMs: 3_000,
    check: (_, stage) =>
      stage.stdout.endsWith('\u001b]0;title\u0007\u001b[2J\u001b[31mred\r\b\n')
        ? []
        : ['escape sequences are not given back as they came'],
  },
];
