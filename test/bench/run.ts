import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { descendantsOf } from '../harness/processes.ts';
import { repository, type Service, startService } from '../harness/start-service.ts';
import { createClient } from './client.ts';
import { busyShare } from './processes.ts';
import { closingLine, figure, jsonOf, markdownOf, type NotMeasured, tableOf } from './report.ts';
import { type Bench, meets, type OwnProcesses, type Row, type Scenario, Skip } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { openShell } from './shell.ts';

const usage = `usage: npm run bench -- [NAME…] [--quick] [--json FILE] [--markdown] [--strict] [--url URL [--token TOKEN]]

  NAME        scenarios to run: ${scenarios.map(({ name }) => name).join(', ')}
  --quick     fewer repetitions: under a minute
  --json      also writes {"scenarios": [{"name", "value", "baseline", "ratio", "unit"}]}
  --markdown  prints the table as Markdown
  --strict    ends with 1 where a target is missed
  --url       drives a service that runs already; scenarios that look at its processes are skipped
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    url: { type: 'string' },
    token: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const choose = (names: readonly string[]): Scenario[] => {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new Error(`no scenario is named ${unknown.join(' or ')}\n\n${usage}`);
  return scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
};

const startedAt = performance.now();
const isTerminal = process.stderr.isTTY === true;
const say = (text: string): void => {
  if (isTerminal) process.stderr.write(`\r\u001b[K${text}`);
};
const announce = (text: string): void => {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4);
  process.stderr.write(`${isTerminal ? '\r\u001b[K' : ''}${seconds} s  ${text}\n`);
};

const processesOf = (service: Service): OwnProcesses => {
  const family = descendantsOf(service.pid);
  const executors = family
    .filter(({ parent, command }) => parent === service.pid && command.includes('service/bin/executor.ts'))
    .map(({ pid }) => pid);
  const launchers = family
    .filter(({ parent, command }) => executors.includes(parent) && command.endsWith('/paddock-launch'))
    .map(({ pid }) => pid);
  return { dispatcher: service.pid, executors, launchers };
};

const runAll = async (
  bench: Bench,
  chosen: readonly Scenario[],
): Promise<{ rows: Row[]; skipped: NotMeasured[]; failed: NotMeasured[] }> => {
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
const surroundings = () => ({
  date: new Date().toISOString(),
  commit: commit(),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Linux ${release()}`,
  loadAtStart: Number(loadavg()[0]?.toFixed(2)),
  quick: options.quick,
});

const main = async (): Promise<number> => {
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const chosen = choose(positionals);
  const about = surroundings();
  announce(`${about.machine}, load ${about.loadAtStart}, commit ${about.commit}`);
  const folder = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  const service = options.url === undefined ? await startService() : undefined;
  const shell = openShell();
  const client = createClient(service?.url ?? options.url ?? '', options.token);
  try {
    const own = service && processesOf(service);
    // A service that has just started still prepares its runtimes: that is no disturbance from outside.
    if (service) await client.untilWarm([]);
    const before = await busyShare(1_000);
    announce(`warm; others keep ${percent(before)} of the machine busy`);
    const bench: Bench = { client, own, shell, folder, quick: options.quick, say };
    const { rows, skipped, failed } = await Promise.race([runAll(bench, chosen), interrupted()]);
    if (failed.length === 0) await client.untilWarm([]);
    const others = { before, after: await busyShare(1_000) };
    announce(`done; others keep ${percent(others.after)} of the machine busy`);
    process.stdout.write(
      `${options.markdown ? markdownOf(rows) : tableOf(rows)}\n\n${closingLine(rows, skipped, failed)}\n`,
    );
    if (Math.max(others.before, others.after) > QUIET_SHARE)
      process.stdout.write(
        'Others used the machine meanwhile: the ratios say more than the absolute figures.\n',
      );
    if (options.json !== undefined)
      writeFileSync(options.json, jsonOf(rows, { skipped, failed, ...about, others }));
    if (failed.length > 0) process.stderr.write(`The service said:\n${service?.log().slice(-4_000)}\n`);
    if (failed.length > 0) return 1;
    return options.strict && rows.some((row) => meets(row) === false) ? 1 : 0;
  } catch (error) {
    const said = service?.log().slice(-4_000);
    if (said) process.stderr.write(`The service said:\n${said}\n`);
    throw error;
  } finally {
    await client.close();
    await shell.close();
    await service?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${inspect(error)}\n`);
  // At once: after an interruption a scenario may still be under way.
  process.exit(1);
}
