import { cgroupCpu, cpuOf, kernelCpu, machineCpu, sandboxesCgroup } from '../processes.ts';
import { type OwnProcesses, type Row, Skip } from '../scenario.ts';
import { median, sum } from '../statistics.ts';
import type { Slice } from './loops.ts';

/** CPU time in ms, by who spent it. */
export interface Cpu {
  readonly sandboxes: number;
  readonly executor: number;
  readonly dispatcher: number;
  readonly client: number;
  /** Threads of the kernel's own, which free the namespaces of sandboxes that have ended, among other things. */
  readonly kernel: number;
  readonly machine: number;
}

/**
 * What the sandboxes of an executor spend, fork servers included. Those that have ended have left no trace among the
 * processes, for a fork server does not wait for its children: only their cgroup remembers them.
 */
const sandboxesCpu = (executor: number, launcher: number): number => {
  const cgroup = sandboxesCgroup(executor, 'cpuacct');
  if (!cgroup) throw new Skip('the cgroup of the sandboxes is not to be found');
  return cgroupCpu(cgroup) + cpuOf(launcher).own;
};

/** A reading for a slice of load; undefined where the processes cannot be seen. */
export const cpuSample = (own: OwnProcesses | undefined): (() => Cpu | undefined) => {
  // Looking through all processes takes this one longer than a request: it is no part of the load.
  let looking = 0;
  const ownCpu = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  return () => {
    if (!own) return undefined;
    const client = ownCpu();
    const read = {
      sandboxes: sum(own.executors.map(({ pid, launcher }) => sandboxesCpu(pid, launcher))),
      executor: sum(own.executors.map(({ pid }) => cpuOf(pid).own)),
      dispatcher: cpuOf(own.dispatcher).own,
      client: client - looking,
      kernel: kernelCpu(),
      machine: machineCpu(),
    };
    looking += ownCpu() - client;
    return read;
  };
};

/** What one execution costs in CPU time, and who spends it: this is what bounds the rate. */
export const cpuRows = (prefix: string, slices: readonly Slice<Cpu | undefined>[]): Row[] => {
  const each = slices.flatMap(({ before, after, ended }) =>
    before && after ? [{ before, after, count: ended }] : [],
  );
  if (each.length === 0) return [];
  const of = (name: keyof Cpu): number =>
    median(each.map(({ before, after, count }) => (after[name] - before[name]) / count));
  const machine = of('machine');
  const row = (name: string, value: number): Row => ({
    name: `${prefix}-cpu-${name}`,
    value,
    baseline: machine,
    ratio: value / machine,
    unit: 'ms',
    against: 'CPU time of the whole machine for each execution',
  });
  const parts = (['sandboxes', 'executor', 'dispatcher', 'client', 'kernel'] as const).map((name) =>
    row(name, of(name)),
  );
  return [...parts, row('rest', machine - sum(parts.map(({ value }) => value)))];
};
