import type { ExecutorStatus } from '../contracts/executor-api.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { type Member, warmKey } from './member.ts';

/** What rarely changes of a member. */
export interface Serving extends Pick<Member, 'serves' | 'capabilities'> {
  readonly runtimes: RuntimeInfo[];
}

export interface Served {
  /** The same object for all of a pool that serve the same: a thousand executors share one. */
  of(pool: string, status: ExecutorStatus): Serving;
  /** All runtimes that the members serve together, or undefined where no pool serves anything else than the last time. */
  changed(members: Iterable<Member>): Iterable<RuntimeInfo> | undefined;
}

/** Pools are few, and so is what their executors serve; beyond that they no longer share. */
const mostKept = 100;

export const createServed = (): Served => {
  const kept = new Map<string, Serving>();
  let last: ReadonlySet<readonly RuntimeInfo[]> = new Set();
  let lastStarted = last;
  return {
    of(pool, { runtimes, capabilities }) {
      // Compared by what they say, not by the revision that they give it: that is their own affair.
      const text = JSON.stringify([pool, runtimes, capabilities]);
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
      const [now, started] = [new Set<readonly RuntimeInfo[]>(), new Set<readonly RuntimeInfo[]>()];
      for (const { status } of members) {
        if (!status) continue;
        now.add(status.runtimes);
        // One that starts may not know all of them yet: that it has started is news.
        if (status.state !== 'starting') started.add(status.runtimes);
      }
      if (isSame(now, last) && isSame(started, lastStarted)) return undefined;
      [last, lastStarted] = [now, started];
      return [...now].flat();
    },
  };
};

const isSame = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean =>
  a.size === b.size && [...a].every((item) => b.has(item));
