/**
 * Calls `onLimit` once when `usedMs` reaches `limitMs`. Nothing polls: the next look is when the limit could be
 * reached at the earliest, all cores busy, so a short program is never looked at.
 * @returns a function that ends the watch
 */
export const watchCpu = (
  usedMs: () => number,
  limitMs: number,
  cpus: number,
  onLimit: () => void,
): (() => void) => {
  if (!Number.isFinite(limitMs)) return () => {};
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const left = limitMs - usedMs();
    if (left <= 0) {
      onLimit();
      return;
    }
    timer = setTimeout(look, Math.max(5, left / Math.max(cpus, 0.1)));
  };
  timer = setTimeout(look, Math.max(5, limitMs / Math.max(cpus, 0.1)));
  return () => clearTimeout(timer);
};
