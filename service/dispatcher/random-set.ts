/** A set whose members can also be had by number, so that one can be picked at random at once. */
export interface RandomSet<T> {
  readonly size: number;
  /** By its number from 0; numbers change with each `toggle`. */
  at(index: number): T | undefined;
  /** Puts it in or takes it out; nothing where it is so already. */
  toggle(item: T, inside: boolean): void;
}

export const createRandomSet = <T>(): RandomSet<T> => {
  const items: T[] = [];
  const places = new Map<T, number>();
  return {
    get size() {
      return items.length;
    },
    at: (index) => items[index],
    toggle(item, inside) {
      const place = places.get(item);
      if ((place !== undefined) === inside) return;
      if (place === undefined) {
        places.set(item, items.push(item) - 1);
        return;
      }
      places.delete(item);
      const last = items.pop();
      // The last one fills the gap, unless it is the one that goes.
      if (last === undefined || last === item) return;
      items[place] = last;
      places.set(last, place);
    },
  };
};
