import { parseArgs } from 'node:util';
import { apis } from './apis/index.ts';
import type { Scenario } from './scenario.ts';
import { againstScenarios } from './scenarios/against.ts';
import { groups, scenarios } from './scenarios/index.ts';

/** As fast as with 12, 16 or 24 where tried on two cores; each more only waits longer. */
const DEFAULT_CONNECTIONS = 8;

export const usage = `usage: npm run bench -- [NAME…] [--quick] [--json FILE] [--svg FILE] [--markdown] [--strict]
                        [--connections N] [--url URL [--token TOKEN]]
                        [--against URL --api API [--against-token TOKEN]]

  NAME           scenarios to run: ${scenarios.map(({ name }) => name).join(', ')};
                 ${Object.keys(groups).join(', ')}: all whose names begin so
  --quick        fewer repetitions
  --json         also writes {"scenarios": [{"name", "value", "baseline", "ratio", "unit"}]}
  --svg          also writes a picture of where time and CPU go, from the scenarios overhead and python-throughput
  --markdown     prints the table as Markdown
  --strict       ends with 1 where a target is missed
  --connections  requests under way at once where a service is loaded, and shells of the baseline (${DEFAULT_CONNECTIONS})
  --url          drives a service that runs already; scenarios that look at its processes are skipped
  --against      drives another system that runs already with the same programs, in turn with this one; where none are
                 named, the scenarios are then python-against, javascript-against and cpp-against
  --api          which interface that system speaks: ${Object.keys(apis).join(', ')}
`;

/** A mistake in the command line: told without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Options {
  readonly quick: boolean;
  readonly markdown: boolean;
  readonly strict: boolean;
  readonly help: boolean;
  readonly connections: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly chosen: readonly Scenario[];
}

interface Against {
  readonly against?: string | undefined;
  readonly api?: string | undefined;
  readonly 'against-token'?: string | undefined;
}

const checkUrl = (option: string, text: string): string => {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`${option} "${text}" is not a URL; it looks like http://127.0.0.1:7070`);
  return url.href.replace(/\/+$/, '');
};

const rivalScenarios = ({ against, api, 'against-token': token }: Against): readonly Scenario[] => {
  if (against === undefined) {
    if (api !== undefined || token !== undefined)
      throw new UsageError('--api and --against-token go with --against URL');
    return [];
  }
  const open = api === undefined ? undefined : apis[api];
  if (!open)
    throw new UsageError(`--against needs --api with one of ${Object.keys(apis).join(', ')}, not ${api}`);
  const url = checkUrl('--against', against);
  return againstScenarios({ url, api: open(url, token) });
};

const choose = (asked: readonly string[], rivals: readonly Scenario[]): readonly Scenario[] => {
  const all = [...scenarios, ...rivals];
  const names = asked.flatMap((name) => groups[name]?.map((scenario) => scenario.name) ?? [name]);
  const unknown = names.filter((name) => !all.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ');
    throw new UsageError(`no scenario is named ${unknown.join(' or ')}; there are ${known}`);
  }
  if (names.length === 0) return rivals.length > 0 ? rivals : scenarios;
  return all.filter(({ name }) => names.includes(name));
};

const parseConnections = (text: string): number => {
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new UsageError(`--connections "${text}" is not a whole number from 1 to 999`);
  return Number(text);
};

const PICTURED = ['overhead', 'python-throughput'];

/** @throws UsageError */
export const readOptions = (args: readonly string[]): Options => {
  const { values, positionals } = parse(args);
  const chosen = choose(positionals, rivalScenarios(values));
  if (values.svg !== undefined && !chosen.some(({ name }) => PICTURED.includes(name)))
    throw new UsageError(`--svg draws what ${PICTURED.join(' and ')} measure: let one of them run`);
  if (values.token !== undefined && values.url === undefined)
    throw new UsageError('--token goes with --url URL');
  return {
    ...{ quick: values.quick, markdown: values.markdown, strict: values.strict, help: values.help },
    ...{ json: values.json, svg: values.svg, token: values.token, chosen },
    connections: parseConnections(values.connections),
    url: values.url === undefined ? undefined : checkUrl('--url', values.url),
  };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'string' },
        svg: { type: 'string' },
        markdown: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        url: { type: 'string' },
        token: { type: 'string' },
        connections: { type: 'string', default: String(DEFAULT_CONNECTIONS) },
        against: { type: 'string' },
        api: { type: 'string' },
        'against-token': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};
