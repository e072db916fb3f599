import type { Attack } from '../attack.ts';

const small = { memoryMb: 64, wallMs: 8_000 };

export const memory: readonly Attack[] = [
  {
    name: 'memory-heap-python',
    runtime: 'python',
    program: 'memory-heap.py',
    request: { limits: small },
    outcome: 'memory-limit',
    maxMs: 6_000,
  },
  {
    name: 'memory-heap-c',
    runtime: 'c',
    program: 'memory-heap.c',
    request: { limits: small },
    outcome: 'memory-limit',
    maxMs: 6_000,
  },
  {
    name: 'memory-heap-javascript',
    runtime: 'javascript',
    program: 'memory-heap.js',
    request: { limits: { memoryMb: 128, wallMs: 8_000 } },
    outcome: 'memory-limit',
    maxMs: 8_000,
  },
  {
    name: 'memory-heap-java',
    runtime: 'java',
    program: 'MemoryBomb.java',
    request: { limits: { wallMs: 15_000 } },
    outcome: ['memory-limit', 'nonzero-exit'],
    maxMs: 20_000,
  },
  {
    name: 'memory-stack',
    runtime: 'c',
    program: 'memory-stack.c',
    request: { limits: small },
    outcome: ['signal', 'memory-limit'],
    maxMs: 6_000,
  },
  {
    name: 'memory-stack-unlimited',
    runtime: 'c',
    program: 'memory-stack.c',
    request: { args: ['unlimited'], limits: small },
    outcome: ['signal', 'memory-limit'],
    maxMs: 6_000,
  },
  {
    name: 'memory-tmpfs',
    runtime: 'python',
    program: 'memory-tmpfs.py',
    request: { limits: { ...small, scratchMb: 256 } },
    outcome: 'memory-limit',
    maxMs: 8_000,
  },
  {
    name: 'memory-many-processes',
    runtime: 'python',
    program: 'memory-many.py',
    // Four seconds, of which the program sleeps three. But two dozen processes at their common limit sometimes have the
    // kernel look for pages to free again and again before it kills one, and it writes each kill to the console.
    request: { limits: { memoryMb: 128, wallMs: 40_000, cpuMs: 40_000 } },
    outcome: 'memory-limit',
    maxMs: 45_000,
  },
  {
    name: 'memory-in-child-only',
    runtime: 'python',
    program: 'memory-child.py',
    request: { limits: small },
    outcome: 'memory-limit',
    maxMs: 6_000,
  },
  {
    name: 'memory-memfd',
    runtime: 'python',
    program: 'memory-memfd.py',
    request: { limits: small },
    outcome: ['memory-limit', 'disk-limit', 'nonzero-exit'],
    maxMs: 6_000,
  },
  {
    name: 'memory-sysv',
    runtime: 'c',
    program: 'memory-sysv.c',
    request: { limits: small },
    outcome: ['memory-limit', 'nonzero-exit'],
    maxMs: 6_000,
  },
];
