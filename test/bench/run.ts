import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { inspect } from 'node:util';
import { repository } from '../harness/start-service.ts';
import { openBench } from './open-bench.ts';
import { type Options, readOptions, UsageError, usage } from './options.ts';
import { drawPicture } from './picture.ts';
import { busyShare } from './processes.ts';
import { closingLine, figure, jsonOf, markdownOf, type NotMeasured, tableOf } from './report.ts';
import { type Bench, meets, type Row, type Scenario, Skip } from './scenario.ts';

const startedAt = performance.now();
const isTerminal = process.stderr.isTTY === true;
const say = (text: string): void => {
  if (isTerminal) process.stderr.write(`\r\u001b[K${text}`);
};
const announce = (text: string): void => {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4);
  process.stderr.write(`${isTerminal ? '\r\u001b[K' : ''}${seconds} s  ${text}\n`);
};

interface Measured {
  readonly rows: readonly Row[];
  readonly skipped: readonly NotMeasured[];
  readonly failed: readonly NotMeasured[];
}

const runAll = async (bench: Bench, chosen: readonly Scenario[]): Promise<Measured> => {
  const rows: Row[] = [];
  const skipped: NotMeasured[] = [];
  const failed: NotMeasured[] = [];
  for (const scenario of chosen) {
    announce(scenario.name);
    try {
      for (const name of scenario.runtimes) await bench.client.requireRuntime(name);
      await bench.client.untilWarm(scenario.runtimes);
      const measured = await scenario.run(bench);
      for (const { name, value, unit, ratio } of measured)
        announce(`  ${name}: ${figure(value)} ${unit}, ${ratio.toFixed(2)}×`);
      rows.push(...measured);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // A program that did not end as it should is a fault of the service; the others are still worth measuring.
      (error instanceof Skip ? skipped : failed).push({ name: scenario.name, reason });
      announce(`  ${error instanceof Skip ? 'skipped' : 'FAILED'}: ${reason}`);
    }
  }
  return { rows, skipped, failed };
};

const commit = (): string => {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: repository,
      encoding: 'utf8',
    }).trim();
  } catch {
    return 'unknown';
  }
};

/** Above this, what others do on the machine is more than its own housekeeping. */
const QUIET_SHARE = 0.1;

/** Rejects on Ctrl-C or SIGTERM, so that the service is stopped on the way out. */
const interrupted = (): Promise<never> =>
  new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** What the figures were measured on: without it they say little. */
const surroundings = (quick: boolean) => ({
  date: new Date().toISOString(),
  commit: commit(),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Linux ${release()}`,
  loadAtStart: Number(loadavg()[0]?.toFixed(2)),
  quick,
});

type Surroundings = ReturnType<typeof surroundings>;

const report = (
  options: Options,
  { rows, skipped, failed }: Measured,
  about: Surroundings,
  others: { readonly before: number; readonly after: number },
): void => {
  process.stdout.write(
    `${options.markdown ? markdownOf(rows) : tableOf(rows)}\n\n${closingLine(rows, skipped, failed)}\n`,
  );
  if (Math.max(others.before, others.after) > QUIET_SHARE)
    process.stdout.write(
      'Others used the machine meanwhile: the ratios say more than the absolute figures.\n',
    );
  if (options.json !== undefined)
    writeFileSync(options.json, jsonOf(rows, { skipped, failed, ...about, others }));
  if (options.svg !== undefined) {
    const footer = `${about.machine}, commit ${about.commit}, ${about.date.slice(0, 10)}`;
    writeFileSync(options.svg, drawPicture(rows, footer));
  }
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const about = surroundings(options.quick);
  announce(`${about.machine}, load ${about.loadAtStart}, commit ${about.commit}`);
  const { bench, log, stop } = await openBench({ ...options, say });
  try {
    // A service that has just started still prepares its runtimes: that is no disturbance from outside.
    if (bench.own) await bench.client.untilWarm([]);
    const before = await busyShare(1_000);
    announce(`warm; others keep ${percent(before)} of the machine busy`);
    const measured = await Promise.race([runAll(bench, options.chosen), interrupted()]);
    if (measured.failed.length === 0) await bench.client.untilWarm([]);
    const others = { before, after: await busyShare(1_000) };
    announce(`done; others keep ${percent(others.after)} of the machine busy`);
    report(options, measured, about, others);
    if (measured.failed.length > 0) {
      process.stderr.write(`The service said:\n${log().slice(-4_000)}\n`);
      return 1;
    }
    return options.strict && measured.rows.some((row) => meets(row) === false) ? 1 : 0;
  } catch (error) {
    if (log() !== '') process.stderr.write(`The service said:\n${log().slice(-4_000)}\n`);
    throw error;
  } finally {
    await stop();
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`bench: ${error.message}\nSee npm run bench -- --help.\n`);
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  // At once: after an interruption a scenario may still be under way.
  process.exit(1);
}
