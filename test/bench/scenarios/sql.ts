import { randomUUID } from 'node:crypto';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { type Pair, percentile, summarise } from '../statistics.ts';

const NAME = 'postgresql-query';
const RUNTIME = 'postgresql';
/** Another size of scratch space than the one kept ready: its sandbox, and the server in it, are started at the request. */
const NOT_KEPT = { scratchMb: 250 };

const ask = async (bench: Bench, limits: Readonly<Record<string, number>>): Promise<number> => {
  await bench.client.untilWarm([RUNTIME]);
  const value = randomUUID();
  const dashes = '-'.repeat(value.length + 2);
  const code = `SELECT '${value}' AS v;\n`;
  const { ms, result } = await bench.client.execute(
    { runtime: RUNTIME, code, limits },
    ` ${centre('v', value.length)} \n${dashes}\n ${value}\n(1 row)\n\n`,
  );
  if (result.run?.resultSets?.[0]?.rows[0]?.[0] !== value)
    throw new Error('the rows are not those asked for');
  return ms;
};

const centre = (text: string, width: number): string => {
  const left = Math.floor((width - text.length) / 2);
  return `${' '.repeat(left)}${text}${' '.repeat(width - text.length - left)}`;
};

/** From request to rows on a server that waited, one request at a time, against one whose server is started for it. */
export const postgresqlQuery: Scenario = {
  name: NAME,
  runtimes: [RUNTIME],
  async run(bench): Promise<Row[]> {
    const [warmUp, count] = bench.quick ? [5, 8] : [40, 60];
    for (let done = 0; done < warmUp; done++) await ask(bench, {});
    const measured: Pair[] = [];
    for (let done = 0; done < count; done++) {
      bench.say(`${NAME} ${done + 1}/${count}`);
      measured.push({ value: await ask(bench, {}), baseline: await ask(bench, NOT_KEPT) });
    }
    const values = measured.map(({ value }) => value);
    const baselines = measured.map(({ baseline }) => baseline);
    const [value, baseline] = [percentile(values, 0.99), percentile(baselines, 0.99)];
    const against = 'the same where its server is started at the request';
    const target = { on: 'value', at: 'most', limit: 60 } as const;
    return [
      { name: NAME, ...summarise(measured), unit: 'ms', target, against },
      { name: `${NAME}-p99`, value, baseline, ratio: value / baseline, unit: 'ms', target, against },
    ];
  },
};
