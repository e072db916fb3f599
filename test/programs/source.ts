import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

const folder = join(import.meta.dirname, 'src');
const preludes: Readonly<Record<string, string>> = { '.py': 'probe.py', '.c': 'probe.h' };
/** Programs whose text is the attack: a prelude would get in its way. */
const bare = /^(compile-|canary|compare-.*\.py$)/;

/** A program under src/ with the prelude of its language in front. */
export const sourceOf = (program: string): string => {
  const text = readFileSync(join(folder, program), 'utf8');
  const prelude = bare.test(program) ? undefined : preludes[extname(program)];
  return prelude === undefined ? text : `${readFileSync(join(folder, prelude), 'utf8')}\n${text}`;
};

export const brokenLines = (text: string): string[] => text.match(/^BROKEN: .*$/gm) ?? [];

export const heldCount = (text: string): number => text.match(/^held: /gm)?.length ?? 0;
