import type { StatsResponse } from '../contracts/service.ts';

const samplesKept = 1_000;
const rateWindowMs = 10_000;

export interface Recent {
  add(now: number, latencyMs: number): void;
  latency(): StatsResponse['latency'];
  /** How long a caller should wait until `waiting` executions are done, at the pace of the last seconds. */
  retryAfterMs(now: number, waiting: number): number;
}

/** The last executions: how long they took, and at what pace they ended. */
export const createRecent = (): Recent => {
  const latencies = new Float64Array(samplesKept);
  const endedAt = new Float64Array(samplesKept);
  let count = 0;

  return {
    add(now, latencyMs) {
      latencies[count % samplesKept] = latencyMs;
      endedAt[count % samplesKept] = now;
      count++;
    },
    latency() {
      const samples = Math.min(count, samplesKept);
      const sorted = latencies.slice(0, samples).sort();
      const at = (share: number): number => sorted[Math.min(samples - 1, Math.floor(samples * share))] ?? 0;
      return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), samples };
    },
    retryAfterMs(now, waiting) {
      const kept = Math.min(count, samplesKept);
      let ended = 0;
      let earliest = now;
      for (let i = 0; i < kept; i++) {
        const at = endedAt[i] ?? 0;
        if (now - at > rateWindowMs) continue;
        ended++;
        earliest = Math.min(earliest, at);
      }
      // With nothing ended lately there is no pace to go by.
      if (ended < 2) return 5_000;
      const perMs = ended / Math.max(now - earliest, 1);
      return Math.min(60_000, Math.max(1_000, Math.ceil(waiting / perMs)));
    },
  };
};
