import type { Limits } from '../../contracts/index.ts';

export type CgroupLimits = Pick<Limits, 'memoryMb' | 'processes' | 'cpus'>;

export interface CgroupUsage {
  /** CPU time of everything that ever ran in it, in nanoseconds. */
  readonly cpuNs: number;
  readonly memoryPeakBytes: number;
}

/** What the kernel killed or refused since it was made. */
export interface CgroupEvents {
  readonly oomKills: number;
  /** How often a fork was refused by the process limit. */
  readonly forksRefused: number;
}

/** The cgroup of one sandbox. */
export interface Cgroup {
  /** Files into which a process writes its pid to join: one a controller on v1, one on v2. */
  readonly joinFiles: readonly string[];
  /** @throws where the kernel refuses a value. */
  limit(limits: CgroupLimits): void;
  usage(): CgroupUsage;
  events(): CgroupEvents;
  /**
   * Gives it up: no process is in it any more. Removes it, waiting for the kernel to let go of its last processes, or
   * keeps it for the next sandbox where it can be made as new.
   */
  remove(): Promise<void>;
}

/** Makes cgroups below one folder that belongs to this executor alone. */
export interface CgroupDriver {
  readonly version: 'v1' | 'v2';
  /** Folders that hold all that this driver makes: whoever comes after a crash can clear them by these. */
  readonly roots: readonly string[];
  create(): Promise<Cgroup>;
  /** Kills and removes what an executor before this one left under the same folder, and the folder where it is ours. */
  clear(): Promise<void>;
}
