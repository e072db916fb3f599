import type { Attack } from '../attack.ts';

/** Group in src/kernel.c and how many probes it has: one that is left out counts as a failure. */
const groups: Readonly<Record<string, number>> = {
  trace: 10,
  namespaces: 14,
  mounts: 15,
  roots: 3,
  keys: 4,
  bpf: 2,
  io_uring: 1,
  perf: 2,
  userfault: 3,
  devices: 17,
  machine: 13,
  identity: 14,
  families: 24,
  abi: 3,
};

export const kernel: readonly Attack[] = Object.entries(groups).map(([group, probes]) => ({
  name: `kernel-${group.replace('_', '-')}`,
  runtime: 'c',
  program: 'kernel.c',
  request: { args: [group] },
  outcome: 'ok',
  held: probes,
  maxMs: 4_000,
}));
