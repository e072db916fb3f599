/*
 * Matching of file names against patterns, in time that is bounded by the product of their lengths. Both sides are
 * hostile (a caller writes the pattern, a program the names), and the usual libraries turn patterns into regular
 * expressions that backtrack for hours on names made for it.
 */

/** `*` any run of characters, `?` any one, all within one path segment; a character is one code point. */
const matchesSegment = (patternText: string, nameText: string): boolean => {
  const pattern = [...patternText];
  const name = [...nameText];
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      // Only the last star ever needs to take more: that is what keeps this from exploding.
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
};

/** `**` as a whole segment stands for any number of folders, none included. */
const matchesPath = (pattern: readonly string[], path: readonly string[]): boolean => {
  let reachable = new Set([0]);
  const closure = (set: Set<number>): Set<number> => {
    for (const at of set) if (pattern[at] === '**') set.add(at + 1);
    return set;
  };
  reachable = closure(reachable);
  for (const segment of path) {
    const next = new Set<number>();
    for (const at of reachable) {
      const part = pattern[at];
      if (part === undefined) continue;
      if (part === '**') next.add(at);
      else if (matchesSegment(part, segment)) next.add(at + 1);
    }
    reachable = closure(next);
  }
  return reachable.has(pattern.length);
};

/**
 * A test for relative paths against any of some patterns.
 * @param patterns for example `*.png`, `out/**`, `report?.txt`; a leading `./` is of no meaning
 */
export const globMatcher = (patterns: readonly string[]): ((path: string) => boolean) => {
  const split = patterns.map((pattern) => pattern.replace(/^(\.\/)+/, '').split('/'));
  return (path) => {
    const segments = path.split('/');
    return split.some((pattern) => matchesPath(pattern, segments));
  };
};
