import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runtimesOf, settled } from '../harness/client.ts';
import { filesHolding, hostState, leaksSince, placesIn, processesMarked } from '../harness/leaks.ts';
import { type Service, startService } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Aftermath, watchAftermath } from './aftermath.ts';
import { type Attack, type Context, isRequest, isScenario, type Verdict } from './attack.ts';
import { themes } from './attacks/index.ts';
import { type Performed, performProgram, performRequest } from './perform.ts';
import { prove } from './prove.ts';
import { closingLine, heading, row } from './report.ts';
import { type Sentinels, setUpSentinels } from './sentinels.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const chosen = Object.entries(themes).flatMap(([theme, attacks]) =>
  attacks
    .filter(
      ({ name }) =>
        options.only.length === 0 ||
        options.only.some(
          (part) =>
            name === part || theme === part || (part.endsWith('*') && name.startsWith(part.slice(0, -1))),
        ),
    )
    .map((attack) => ({ theme, attack })),
);

/** The runtimes an attack needs that are not there. */
const missing = (attack: Attack, available: ReadonlySet<string>): string[] => {
  const needed = isScenario(attack) ? attack.runtimes : isRequest(attack) ? [] : [attack.runtime];
  return needed.filter((name) => !available.has(name));
};

const perform = (
  attack: Attack,
  service: Service,
  context: Context,
  sentinels: Sentinels,
  marker: string,
): Promise<Performed> => {
  if (isRequest(attack)) return performRequest(attack, service);
  if (!isScenario(attack)) return performProgram(attack, service, context, sentinels.secrets, marker);
  const started = performance.now();
  return attack.run(service, context).then(({ outcome, faults }) => {
    const ms = performance.now() - started;
    return { outcome, ms, faults: ms <= attack.maxMs ? faults : [...faults, `it took ${Math.round(ms)} ms`] };
  });
};

const verdictOn = async (
  theme: string,
  attack: Attack,
  service: Service,
  sentinels: Sentinels,
  aftermath: Aftermath,
): Promise<Verdict> => {
  const marker = `ATTACK-MARKER-${randomBytes(12).toString('hex')}`;
  let performed: Performed;
  try {
    performed = await perform(attack, service, sentinels.contextFor(service), sentinels, marker);
  } catch (error) {
    performed = {
      outcome: 'error',
      ms: 0,
      faults: [error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error)],
    };
  }
  // A refused request has used no sandbox: the canary after the last of them speaks for all.
  const after = isRequest(attack)
    ? sentinels.check()
    : await aftermath.faults(marker).catch((error: unknown) => [`afterwards: ${error}`]);
  const faults = [...performed.faults, ...after];
  return {
    name: attack.name,
    theme,
    outcome: performed.outcome,
    ms: performed.ms,
    held: faults.length === 0,
    faults,
  };
};

const attackAll = async (service: Service, sentinels: Sentinels): Promise<Verdict[]> => {
  const runtimes = await runtimesOf(service.url);
  const available = new Set(runtimes.filter((r) => r.available).flatMap((r) => [r.name, ...r.aliases]));
  const aftermath = await watchAftermath(service, sentinels);
  const verdicts: Verdict[] = [];
  for (const { theme, attack } of chosen) {
    const lacks = missing(attack, available);
    const verdict: Verdict =
      lacks.length > 0
        ? {
            name: attack.name,
            theme,
            outcome: '',
            ms: 0,
            held: false,
            skipped: `no ${lacks.join(', ')}`,
            faults: [],
          }
        : await verdictOn(theme, attack, service, sentinels, aftermath);
    process.stdout.write(`${row(verdict)}\n`);
    verdicts.push(verdict);
  }
  return verdicts;
};

/** After the service has ended nothing at all may be left: this is asked strictly. */
const endOf = async (service: Service, before: ReturnType<typeof hostState>): Promise<Verdict> => {
  const places = placesIn(service.stateDir);
  const started = performance.now();
  const { code, signal } = await service.stop('SIGTERM');
  const ms = performance.now() - started;
  const left = (): string[] => [
    ...leaksSince(before, places),
    ...processesMarked(service.stateDir).map((line) => `process ${line}`),
    ...filesHolding(service.stateDir, 'ATTACK-MARKER').map((path) => `file ${path}`),
  ];
  await waitFor(() => left().length === 0, { what: 'everything to be gone', timeoutMs: 3_000 }).catch(
    () => undefined,
  );
  const sockets = readdirSync(service.stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFIFO() || entry.isSocket())
    .map((entry) => `left in the state folder: ${entry.parentPath}/${entry.name}`);
  const faults = [
    ...left(),
    ...sockets,
    ...(code === 0
      ? []
      : [`the service ended with code ${code} and signal ${signal}: ${service.log().slice(-500)}`]),
  ];
  return {
    name: 'nothing-left-at-the-end',
    theme: 'end',
    outcome: String(code ?? signal),
    ms,
    held: faults.length === 0,
    faults,
  };
};

const main = async (): Promise<number> => {
  if (options.list) {
    process.stdout.write(`${chosen.map(({ theme, attack }) => `${theme}/${attack.name}`).join('\n')}\n`);
    return 0;
  }
  if (chosen.length === 0 && !options.prove)
    throw new Error(`no attack is named ${options.only.join(' or ')}`);
  const sentinels = await setUpSentinels();
  try {
    if (options.prove) return await prove(sentinels);
    const before = hostState();
    const stateDir = mkdtempSync(join(tmpdir(), 'paddock-attacks-'));
    const service = await startService({ stateDir, env: { ...sentinels.env } });
    process.stdout.write('waiting until the runtimes are prepared\n');
    let verdicts: Verdict[];
    try {
      await settled(service.url);
      process.stdout.write(`${heading}\n`);
      verdicts = await attackAll(service, sentinels);
    } catch (error) {
      await service.stop();
      rmSync(stateDir, { recursive: true, force: true });
      throw error;
    }
    const end = await endOf(service, before);
    process.stdout.write(`${row(end)}\n`);
    verdicts.push(end);
    if (options.verbose) process.stdout.write(service.log());
    rmSync(stateDir, { recursive: true, force: true });
    if (options.json !== undefined)
      writeFileSync(options.json, `${JSON.stringify({ attacks: verdicts }, null, 2)}\n`);
    process.stdout.write(`\n${closingLine(verdicts)}\n`);
    return verdicts.every((verdict) => verdict.held || verdict.skipped !== undefined) ? 0 : 1;
  } finally {
    sentinels.close();
  }
};

process.exitCode = await main();
