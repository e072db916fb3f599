import type { Clock } from '../cluster/clock.ts';

/** Calls `expire` for each item at its deadline, with one timer for all of them. */
export const createDeadlines = <T extends { readonly deadlineAt: number }>(
  clock: Clock,
  expire: (item: T) => void,
): { add(item: T): void; remove(item: T): void; close(): void } => {
  const items = new Set<T>();
  let armedFor = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};

  const arm = (at: number): void => {
    cancel();
    armedFor = at;
    cancel = Number.isFinite(at) ? clock.after(Math.max(0, at - clock.now()), fire) : () => {};
  };
  const fire = (): void => {
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const item of items) {
      if (item.deadlineAt > now) next = Math.min(next, item.deadlineAt);
      else {
        items.delete(item);
        expire(item);
      }
    }
    arm(next);
  };

  return {
    add(item) {
      items.add(item);
      if (item.deadlineAt < armedFor) arm(item.deadlineAt);
    },
    // The timer stays as it is: firing early once costs less than arming anew for each execution.
    remove: (item) => void items.delete(item),
    close() {
      cancel();
      items.clear();
    },
  };
};
