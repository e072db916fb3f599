import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { runtimesOf } from '../harness/client.ts';
import { filesHolding, type HostState, leaksSince, placesIn, processesMarked } from '../harness/leaks.ts';
import type { Service } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Aftermath, watchAftermath } from './aftermath.ts';
import { type Attack, type Context, isRequest, isScenario, type Verdict } from './attack.ts';
import { type Performed, performProgram, performRequest } from './perform.ts';
import type { Sentinels } from './sentinels.ts';
import type { Way } from './way.ts';

export interface Chosen {
  readonly theme: string;
  readonly attack: Attack;
}

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
  { service, sentinels, way }: Suite,
  aftermath: Aftermath,
): Promise<Verdict> => {
  const marker = `ATTACK-MARKER-${randomBytes(12).toString('hex')}`;
  let performed: Performed;
  try {
    performed = await perform(attack, service, { ...sentinels.contextFor(service), way }, sentinels, marker);
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
    way,
    outcome: performed.outcome,
    ms: performed.ms,
    held: faults.length === 0,
    faults,
  };
};

const skip = ({ theme, attack }: Chosen, way: Way, reason: string): Verdict => ({
  name: attack.name,
  theme,
  way,
  outcome: '',
  ms: 0,
  held: false,
  skipped: reason,
  faults: [],
});

interface Suite {
  readonly service: Service;
  readonly sentinels: Sentinels;
  readonly way: Way;
}

/** Performs the attacks on a service that is settled, one after the other, and says each verdict as it comes. */
export const attackAll = async (
  suite: Suite,
  chosen: readonly Chosen[],
  say: (verdict: Verdict) => void,
): Promise<Verdict[]> => {
  const runtimes = await runtimesOf(suite.service.url);
  const available = new Set(runtimes.filter((r) => r.available).flatMap((r) => [r.name, ...r.aliases]));
  const aftermath = await watchAftermath(suite.service, suite.sentinels, suite.way);
  const verdicts: Verdict[] = [];
  for (const one of chosen) {
    const lacks = missing(one.attack, available);
    const verdict =
      lacks.length > 0
        ? skip(one, suite.way, `no ${lacks.join(', ')}`)
        : await verdictOn(one.theme, one.attack, suite, aftermath);
    say(verdict);
    verdicts.push(verdict);
  }
  return verdicts;
};

/** After the service has ended nothing at all may be left: this is asked strictly. */
export const endOf = async (service: Service, way: Way, before: HostState): Promise<Verdict> => {
  const places = placesIn(service.stateDir);
  // One that says nothing must not hold the end up.
  const silent = connect(service.port, '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  const started = performance.now();
  const { code, signal } = await service.stop('SIGTERM');
  const ms = performance.now() - started;
  silent.destroy();
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
    way,
    outcome: String(code ?? signal),
    ms,
    held: faults.length === 0,
    faults,
  };
};
