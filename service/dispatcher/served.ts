import type { ExecutorStatus } from '../contracts/executor-api.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { type Member, warmKey } from './member.ts';

/** What rarely changes of a member. */
export interface Serving extends Pick<Member, 'serves' | 'capabilities'> {
  readonly runtimes: RuntimeInfo[];
}

export interface Served {
  /** The same object for all that serve the same: a thousand executors of a pool share one. */
  of(status: ExecutorStatus): Serving;
  /** All runtimes that the members serve together, or undefined where they are those of the last time. */
  changed(members: Iterable<Member>): Iterable<RuntimeInfo> | undefined;
}

/** Pools are few, and so is what their executors serve; beyond that they no longer share. */
const mostKept = 100;

export const createServed = (): Served => {
  const kept = new Map<string, Serving>();
  let last: ReadonlySet<readonly RuntimeInfo[]> = new Set();
  return {
    of({ runtimes, capabilities }) {
      // Compared by what they say, not by the revision that they give it: that is their own affair.
      const text = JSON.stringify([runtimes, capabilities]);
      let serving = kept.get(text);
      if (!serving) {
        const available = runtimes.filter((runtime) => runtime.available);
        const serves = new Set(available.map(({ name, version }) => warmKey({ runtime: name, version })));
        serving = { runtimes, serves, capabilities: new Set(capabilities) };
        if (kept.size >= mostKept) kept.clear();
        kept.set(text, serving);
      }
      return serving;
    },
    changed(members) {
      const now = new Set<readonly RuntimeInfo[]>();
      for (const { status } of members) if (status) now.add(status.runtimes);
      if (now.size === last.size && [...now].every((runtimes) => last.has(runtimes))) return undefined;
      last = now;
      return [...now].flat();
    },
  };
};
