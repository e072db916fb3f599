/** What the queue needs to know of an execution. */
export interface Waiting {
  readonly tenant: { readonly name: string; readonly weight: number; readonly maxRunning: number };
  /** Higher goes first within its tenant; equal ones go in the order they came. */
  readonly priority: number;
  /** No two have the same. */
  readonly sequence: number;
}

export interface FairQueue<T extends Waiting> {
  readonly size: number;
  waitingOf(tenant: string): number;
  byTenant(): Record<string, number>;
  add(item: T): void;
  remove(item: T): boolean;
  /**
   * The next that `place` finds a place for, with that place; it leaves the queue. Where one of a kind finds none, the
   * others of its tenant and kind are not asked about.
   */
  take<P>(place: (item: T, kind: string) => P | undefined): { item: T; place: P } | undefined;
  /** Those of each tenant in the order in which they go. */
  items(): T[];
}

interface Line<T> {
  /** By kind, none of them empty, each in the order in which they go. */
  readonly kinds: Map<string, T[]>;
  length: number;
  /** Virtual time: grows by 1/weight with each start, so a tenant of weight 2 starts twice as often. */
  pass: number;
}

/**
 * Weighted round robin between tenants, by priority and order of arrival within one. Who calls bounds it. What waits is
 * kept by kind, so that thousands of one kind that has no room are passed over in one step.
 * @param kindOf what decides whether there is a place for an item; must not change while it waits
 */
export const createFairQueue = <T extends Waiting>(kindOf: (item: T) => string = () => ''): FairQueue<T> => {
  const lines = new Map<string, Line<T>>();
  let size = 0;
  // A tenant that comes back starts here: it is owed nothing for the time in which it asked for nothing.
  let virtualNow = 0;

  const take = <P>(place: (item: T, kind: string) => P | undefined): { item: T; place: P } | undefined => {
    // Mostly one tenant waits, and then there is nothing to sort.
    const order = lines.size > 1 ? [...lines].sort(([, a], [, b]) => a.pass - b.pass) : lines;
    for (const [name, line] of order) {
      for (const [kind, items] of inOrder(line)) {
        const item = items[0];
        const found = item && place(item, kind);
        if (!item || found === undefined) continue;
        virtualNow = Math.max(virtualNow, line.pass);
        line.pass += 1 / item.tenant.weight;
        removeAt(name, line, kind, 0);
        return { item, place: found };
      }
    }
    return undefined;
  };

  const idlePass = new Map<string, number>();
  const removeAt = (name: string, line: Line<T>, kind: string, index: number): void => {
    const items = line.kinds.get(kind);
    items?.splice(index, 1);
    if (items?.length === 0) line.kinds.delete(kind);
    line.length--;
    size--;
    if (line.length > 0) return;
    lines.delete(name);
    // Kept, so that leaving and coming back at once gains nothing. Tenants are few.
    idlePass.set(name, line.pass);
  };

  return {
    get size() {
      return size;
    },
    waitingOf: (tenant) => lines.get(tenant)?.length ?? 0,
    byTenant: () => Object.fromEntries([...lines].map(([name, line]) => [name, line.length])),
    add(item) {
      const { name } = item.tenant;
      const pass = Math.max(virtualNow, idlePass.get(name) ?? 0);
      const line = lines.get(name) ?? { kinds: new Map(), length: 0, pass };
      lines.set(name, line);
      const kind = kindOf(item);
      const items = line.kinds.get(kind) ?? [];
      line.kinds.set(kind, items);
      items.splice(placeIn(items, item), 0, item);
      line.length++;
      size++;
    },
    remove(item) {
      const line = lines.get(item.tenant.name);
      const kind = kindOf(item);
      const items = line?.kinds.get(kind) ?? [];
      const index = placeIn(items, item) - 1;
      if (!line || items[index] !== item) return false;
      removeAt(item.tenant.name, line, kind, index);
      return true;
    },
    take,
    items: () =>
      [...lines.values()].flatMap(({ kinds }) =>
        [...kinds.values()].flat().sort((a, b) => (goesBefore(a, b) ? -1 : 1)),
      ),
  };
};

/** The kinds of a line, by who is first in each. */
const inOrder = <T extends Waiting>({ kinds }: Line<T>): Iterable<[string, T[]]> =>
  kinds.size > 1 ? [...kinds].sort(([, [a]], [, [b]]) => (a && b && goesBefore(a, b) ? -1 : 1)) : kinds;

/** How many of them go before it, itself included where it is among them. */
const placeIn = <T extends Waiting>(items: readonly T[], item: T): number => {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = items[middle];
    if (other && goesBefore(item, other)) high = middle;
    else low = middle + 1;
  }
  return low;
};

const goesBefore = (a: Waiting, b: Waiting): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.sequence < b.sequence);
