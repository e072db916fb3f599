import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settled } from '../harness/client.ts';
import { hostState } from '../harness/leaks.ts';
import { startService } from '../harness/start-service.ts';
import { isRequest, type Verdict } from './attack.ts';
import { themes } from './attacks/index.ts';
import { compareWays, isCompared, type Probed, probeWay } from './compare.ts';
import { prove } from './prove.ts';
import { closingLine, heading, row } from './report.ts';
import { type Sentinels, setUpSentinels } from './sentinels.ts';
import { attackAll, type Chosen, endOf } from './suite.ts';
import { isWay, type Way, watchWay, wayEnvironment, ways } from './way.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    way: { type: 'string', multiple: true, default: [...ways] },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const isChosen = (theme: string, name: string): boolean =>
  options.only.length === 0 ||
  options.only.some(
    (part) => name === part || theme === part || (part.endsWith('*') && name.startsWith(part.slice(0, -1))),
  );

const chosen: readonly Chosen[] = Object.entries(themes).flatMap(([theme, attacks]) =>
  attacks.filter(({ name }) => isChosen(theme, name)).map((attack) => ({ theme, attack })),
);

/** A refused request meets no sandbox, so that one way is enough. */
const chosenFor = (way: Way, first: boolean): readonly Chosen[] =>
  chosen.filter(({ attack }) => (isRequest(attack) ? first : attack.ways?.includes(way) !== false));

const say = (verdict: Verdict): void => {
  process.stdout.write(`${row(verdict)}\n`);
};

interface Ran {
  readonly verdicts: readonly Verdict[];
  readonly probed: Probed;
}

/** The whole suite on a service of its own that makes its sandboxes this way. */
const runWay = async (way: Way, first: boolean, sentinels: Sentinels): Promise<Ran> => {
  const before = hostState();
  const stateDir = mkdtempSync(join(tmpdir(), 'paddock-attacks-'));
  const service = await startService({ stateDir, env: { ...sentinels.env, ...wayEnvironment(way) } });
  process.stdout.write(`\nsandboxes: ${way}; waiting until the runtimes are prepared\n`);
  try {
    await settled(service.url);
    const other = await watchWay(service, way).faults();
    if (other.length > 0) throw new Error(`this does not test ${way} sandboxes: ${other.join('; ')}`);
    process.stdout.write(`${heading}\n`);
    const verdicts = await attackAll({ service, sentinels, way }, chosenFor(way, first), say);
    const probed = await probeWay(service.url, isChosen);
    const end = await endOf(service, way, before);
    say(end);
    if (options.verbose) process.stdout.write(service.log());
    return { verdicts: [...verdicts, end], probed };
  } finally {
    await service.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
};

const attack = async (sentinels: Sentinels): Promise<number> => {
  const asked = options.way.map((way) => {
    if (!isWay(way)) throw new Error(`--way takes ${ways.join(' or ')}`);
    return way;
  });
  const ran: Ran[] = [];
  for (const way of new Set(asked)) ran.push(await runWay(way, ran.length === 0, sentinels));
  const verdicts = ran.flatMap((one) => one.verdicts);
  const [one, other] = ran;
  if (one && other) {
    process.stdout.write('\nboth ways compared\n');
    const compared = compareWays(one.probed, other.probed);
    compared.forEach(say);
    verdicts.push(...compared);
  }
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ attacks: verdicts }, null, 2)}\n`);
  process.stdout.write(`\n${closingLine(verdicts)}\n`);
  return verdicts.every((verdict) => verdict.held || verdict.skipped !== undefined) ? 0 : 1;
};

const main = async (): Promise<number> => {
  if (options.list) {
    process.stdout.write(`${chosen.map(({ theme, attack }) => `${theme}/${attack.name}`).join('\n')}\n`);
    return 0;
  }
  if (chosen.length === 0 && !options.prove && !isCompared(isChosen))
    throw new Error(`no attack is named ${options.only.join(' or ')}`);
  const sentinels = await setUpSentinels();
  try {
    return options.prove ? await prove(sentinels) : await attack(sentinels);
  } finally {
    sentinels.close();
  }
};

process.exitCode = await main();
