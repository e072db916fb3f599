const buckets = 30;

/** The highest of the values of a window of time, a thirtieth of the window exact; it holds at most 31 of them. */
export interface Peak {
  /** @param now milliseconds, never before those of an earlier call */
  add(now: number, value: number): void;
  /** 0 where nothing was added within the window. */
  at(now: number): number;
}

export const createPeak = (windowMs: number): Peak => {
  const widthMs = windowMs / buckets;
  let kept: { readonly endsAt: number; highest: number }[] = [];
  return {
    add(now, value) {
      const last = kept.at(-1);
      if (last && now < last.endsAt) {
        last.highest = Math.max(last.highest, value);
        return;
      }
      kept = kept.filter(({ endsAt }) => endsAt + windowMs > now);
      kept.push({ endsAt: now + widthMs, highest: value });
    },
    at: (now) =>
      kept.reduce(
        (highest, bucket) => (bucket.endsAt + windowMs > now ? Math.max(highest, bucket.highest) : highest),
        0,
      ),
  };
};
