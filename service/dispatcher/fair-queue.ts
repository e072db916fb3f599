/** What the queue needs to know of an execution. */
export interface Waiting {
  readonly tenant: { readonly name: string; readonly weight: number; readonly maxRunning: number };
  /** Higher goes first within its tenant; equal ones go in the order they came. */
  readonly priority: number;
  readonly sequence: number;
}

export interface FairQueue<T extends Waiting> {
  readonly size: number;
  waitingOf(tenant: string): number;
  byTenant(): Record<string, number>;
  add(item: T): void;
  remove(item: T): boolean;
  /** The next that `place` finds a place for, with that place; it leaves the queue. */
  take<P>(place: (item: T) => P | undefined): { item: T; place: P } | undefined;
  items(): T[];
}

interface Line<T> {
  readonly items: T[];
  /** Virtual time: grows by 1/weight with each start, so a tenant of weight 2 starts twice as often. */
  pass: number;
}

/** Weighted round robin between tenants, by priority and order of arrival within one. Who calls bounds it. */
export const createFairQueue = <T extends Waiting>(): FairQueue<T> => {
  const lines = new Map<string, Line<T>>();
  let size = 0;
  // A tenant that comes back starts here: it is owed nothing for the time in which it asked for nothing.
  let virtualNow = 0;

  const take = <P>(place: (item: T) => P | undefined): { item: T; place: P } | undefined => {
    // Mostly one tenant waits, and then there is nothing to sort.
    const order = lines.size > 1 ? [...lines].sort(([, a], [, b]) => a.pass - b.pass) : lines;
    for (const [name, line] of order) {
      for (let index = 0; index < line.items.length; index++) {
        const item = line.items[index];
        const found = item && place(item);
        if (!item || found === undefined) continue;
        virtualNow = Math.max(virtualNow, line.pass);
        line.pass += 1 / item.tenant.weight;
        removeAt(name, line, index);
        return { item, place: found };
      }
    }
    return undefined;
  };

  const idlePass = new Map<string, number>();
  const removeAt = (name: string, line: Line<T>, index: number): void => {
    line.items.splice(index, 1);
    size--;
    if (line.items.length > 0) return;
    lines.delete(name);
    // Kept, so that leaving and coming back at once gains nothing. Tenants are few.
    idlePass.set(name, line.pass);
  };

  return {
    get size() {
      return size;
    },
    waitingOf: (tenant) => lines.get(tenant)?.items.length ?? 0,
    byTenant: () => Object.fromEntries([...lines].map(([name, line]) => [name, line.items.length])),
    add(item) {
      const { name } = item.tenant;
      const line = lines.get(name) ?? { items: [], pass: Math.max(virtualNow, idlePass.get(name) ?? 0) };
      lines.set(name, line);
      const after = line.items.findLastIndex((other) => !goesBefore(item, other));
      line.items.splice(after + 1, 0, item);
      size++;
    },
    remove(item) {
      const line = lines.get(item.tenant.name);
      const index = line?.items.indexOf(item) ?? -1;
      if (!line || index === -1) return false;
      removeAt(item.tenant.name, line, index);
      return true;
    },
    take,
    items: () => [...lines.values()].flatMap((line) => line.items),
  };
};

const goesBefore = (a: Waiting, b: Waiting): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.sequence < b.sequence);
