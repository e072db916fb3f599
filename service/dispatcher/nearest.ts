/** Edits (insert, delete, replace) from one word to the other. */
export const editDistance = (from: string, to: string): number => {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const current = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, replace));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
};

/** Up to five names close to `wanted`; each name is also found by its aliases. */
export const nearestNames = (
  wanted: string,
  names: readonly { name: string; aliases: readonly string[] }[],
): string[] => {
  const word = wanted.toLowerCase();
  const ranked = names.map(({ name, aliases }) => {
    const distances = [name, ...aliases].map((candidate) => {
      const near = editDistance(word, candidate.toLowerCase());
      return candidate.toLowerCase().startsWith(word) ? Math.min(near, 1) : near;
    });
    return { name, distance: Math.min(...distances) };
  });
  const close = ranked.filter(({ distance }) => distance <= Math.max(2, word.length / 2));
  close.sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name));
  return [...new Set(close.map(({ name }) => name))].slice(0, 5);
};
