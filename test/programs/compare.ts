import type { ExecutionRequestInput, Stage } from '../../service/contracts/execution.ts';
import { execute } from '../harness/client.ts';
import type { Verdict } from './attack.ts';
import { ends } from './compare-ends.ts';
import { sourceOf } from './source.ts';

const saying = (runtime: string, program: string): ExecutionRequestInput => ({
  runtime,
  code: sourceOf(program),
  args: ['one', 'two words'],
  stdin: 'a line\nanother\n',
  env: { GIVEN: 'yes' },
});

/**
 * Programs that say all they can see of how they were made. Both ways of making sandboxes must look the same to them:
 * switching one off changes nothing but speed.
 */
const probes: Readonly<Record<string, ExecutionRequestInput>> = {
  'same-kernel-view': saying('python', 'compare-kernel.py'),
  'same-python': saying('python', 'compare-python.py'),
  'same-python-at-work': saying('python', 'compare-works.py'),
  'same-bash': saying('bash', 'compare-exec.sh'),
  'same-javascript': saying('javascript', 'compare-javascript.js'),
  'same-c': saying('c', 'compare-c.c'),
  ...Object.fromEntries(
    Object.entries(ends).map(([name, request]) => [`same-end-${name}`, { runtime: 'python', ...request }]),
  ),
};

interface Difference {
  /** In which probes; all where absent. */
  readonly probe?: RegExp;
  /** Of what; all where absent. */
  readonly what?: RegExp;
  /** This part of the value; the whole where absent. */
  readonly part?: RegExp;
  readonly why: string;
}

/** What may differ. Everything else is a fault. */
const explained: readonly Difference[] = [
  {
    probe: /^same-end-(raise-in-del|late-import)$/,
    why: 'a forked Python can still import, and show source lines, while a program’s last objects go',
  },
  {
    probe: /^same-end-traced$/,
    what: /^(call|line|return) /,
    why: 'what Python does after a program is not traced where it is forked',
  },
  {
    probe: /^same-end-exit-in-atexit$/,
    what: /^stderr /,
    why: 'an exit function in C that fails shows the frame that it was called from: ours, in Python',
  },
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
  for (const [name, request] of Object.entries(probes)) {
    if (!isChosen(theme, name)) continue;
    const executed = await execute(url, request);
    said.set(name, executed.ok ? (executed.result.run ?? executed.result.compile) : undefined);
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
const comparable = (name: string, what: string, value = 'nothing'): string =>
  explained
    .filter((known) => (known.probe?.test(name) ?? true) && (known.what?.test(what) ?? true))
    .reduce((text, { part }) => (part ? text.replace(part, '') : ''), value);

const differences = (name: string, one: Stage, other: Stage): string[] => {
  const [a, b] = [valuesOf(one), valuesOf(other)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((what) => comparable(name, what, a.get(what)) !== comparable(name, what, b.get(what)))
    .map((what) => `${what}: ${parting(a.get(what) ?? 'nothing', b.get(what) ?? 'nothing')}`);
};

export const compareWays = (one: Probed, other: Probed): Verdict[] =>
  [...one].map(([name, first]): Verdict => {
    const second = other.get(name);
    const faults = first && second ? differences(name, first, second) : ['it did not run'];
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
