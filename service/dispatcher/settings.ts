import type { Limits } from '../contracts/limits.ts';

/** All the dispatcher is told from outside. Made by bin/config.ts; frozen. */
export interface DispatcherSettings {
  readonly version: string;
  /** Bound to loopback only: open to everybody on this machine while there are no tokens. */
  readonly loopback: boolean;
  /** Host headers taken besides the names of loopback. */
  readonly allowedHosts: readonly string[];
  readonly bodyLimitBytes: number;
  readonly queueLimit: number;
  /** What callers may ask for where there are no tokens, see TenantPolicy. */
  readonly allowedImages: readonly string[];
  readonly maxLimits: Limits;
  readonly statusEveryMs: number;
  readonly heartbeatMs: number;
}

/** How long a full executor is left alone, unless one of its executions ends sooner. */
export const busyRetryMs = 50;
