import type { Stage } from '../../service/contracts/execution.ts';
import { run } from '../harness/client.ts';
import type { Verdict } from './attack.ts';
import { sourceOf } from './source.ts';

/**
 * Programs that say all they can see of how they were made. Both ways of making sandboxes must look the same to them:
 * switching one off changes nothing but speed.
 */
const probes: Readonly<Record<string, { readonly runtime: string; readonly program: string }>> = {
  'same-kernel-view': { runtime: 'python', program: 'compare-kernel.py' },
  'same-python': { runtime: 'python', program: 'compare-python.py' },
  'same-python-at-work': { runtime: 'python', program: 'compare-works.py' },
  'same-bash': { runtime: 'bash', program: 'compare-exec.sh' },
  'same-javascript': { runtime: 'javascript', program: 'compare-javascript.js' },
  'same-c': { runtime: 'c', program: 'compare-c.c' },
};

interface Difference {
  /** Of what; all where absent. */
  readonly what?: RegExp;
  /** This part of the value; the whole where absent. */
  readonly part?: RegExp;
  readonly why: string;
}

/** What may differ. Everything else is a fault. */
const explained: readonly Difference[] = [
  { part: /0x[0-9a-f]{8,}/g, why: 'addresses are random' },
  { part: /\/tmp\/paddock-\w+-\w+\/place-\d+\/slots\/\d+/g, why: 'each service has its own folder' },
  { part: /\b(65534|1000) (65534|1000)$/, why: 'the root and /dev are the fork server’s, not the program’s' },
  {
    what: /^folder \/(dev|dev\/pts|opt)?$/,
    part: /^drwx(------|r-xr-x) (65534|1000)$/,
    why: 'as before, and bubblewrap makes /opt for its own user alone',
  },
  { what: /^\/\/opt$|^file opt$/, part: /^drwx(------|r-xr-x)/, why: 'as before' },
  { what: /^(process 1|in sight)$/, why: 'the first process is a copy of the fork server, not paddock-init' },
  { what: /^(file|mount) (.*\/)?(forks|init)$/, why: 'what is shown of ours has another name' },
  { what: /^mount .* \(2\)$/, why: 'a fork mounts over what its server has there' },
  { what: /^[ug]id_map$/, why: 'the uid outside is one of the server’s user namespace' },
  {
    what: /^environment at the start$/,
    part: /'LD_PRELOAD=\/opt\/paddock\/forks', /,
    why: 'what an interpreter was started with; it is in nobody’s environment any more',
  },
];

/** What each probe said, by its name. */
export type Probed = ReadonlyMap<string, Stage | undefined>;

const theme = 'compare';

export const isCompared = (isChosen: (theme: string, name: string) => boolean): boolean =>
  Object.keys(probes).some((name) => isChosen(theme, name));

export const probeWay = async (
  url: string,
  isChosen: (theme: string, name: string) => boolean,
): Promise<Probed> => {
  const said = new Map<string, Stage | undefined>();
  for (const [name, { runtime, program }] of Object.entries(probes)) {
    if (!isChosen(theme, name)) continue;
    const request = { args: ['one', 'two words'], stdin: 'a line\nanother\n', env: { GIVEN: 'yes' } };
    const result = await run(url, { runtime, code: sourceOf(program), ...request });
    said.set(name, result.run ?? result.compile);
  }
  return said;
};

/** Values by what they are of: the text before the first `: `, and which of the lines with that text it is. */
const valuesOf = ({ outcome, exitCode, signal, stdout, stderr, message }: Stage): Map<string, string> => {
  const values = new Map<string, string>();
  const text = `${stdout}\n${stderr.replace(/^/gm, 'stderr: ')}`;
  for (const line of text.split('\n')) {
    const [, what = line, value = ''] = /^(.*?): (.*)$/.exec(line) ?? [];
    let key = what;
    for (let number = 2; values.has(key); number++) key = `${what} (${number})`;
    values.set(key, value);
  }
  values.set('end', `${outcome} ${exitCode} ${signal} ${message ?? ''}`);
  return values;
};

const MOST_TEXT = 400;

/** The first place where they part, with something before it. */
const parting = (a: string, b: string): string => {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const from = Math.max(0, at - 40);
  return `${JSON.stringify(a.slice(from, from + MOST_TEXT))} and ${JSON.stringify(b.slice(from, from + MOST_TEXT))}`;
};

/** The value without what may differ. */
const comparable = (what: string, value = 'nothing'): string =>
  explained
    .filter((known) => known.what?.test(what) ?? true)
    .reduce((text, { part }) => (part ? text.replace(part, '') : ''), value);

const differences = (one: Stage, other: Stage): string[] => {
  const [a, b] = [valuesOf(one), valuesOf(other)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((what) => comparable(what, a.get(what)) !== comparable(what, b.get(what)))
    .map((what) => `${what}: ${parting(a.get(what) ?? 'nothing', b.get(what) ?? 'nothing')}`);
};

export const compareWays = (one: Probed, other: Probed): Verdict[] =>
  [...one].map(([name, first]): Verdict => {
    const second = other.get(name);
    const faults = first && second ? differences(first, second) : ['it did not run'];
    return {
      name,
      theme,
      way: 'both',
      outcome: first?.outcome ?? '',
      ms: 0,
      held: faults.length === 0,
      faults,
    };
  });
