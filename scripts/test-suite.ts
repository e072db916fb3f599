import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Service, startService } from '../test/harness/start-service.ts';

/**
 * Everything that CI runs, one part after the other. A part that says `N passed, N failed, N skipped` at its end counts
 * with these numbers; any other is one check that passes or fails. A part that crashes counts as failed.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = process.execPath;

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly minutes: number;
  readonly env?: Readonly<Record<string, string>>;
  /** It must end with its own closing line; without one it broke off. */
  readonly counted: boolean;
}

interface Sums {
  passed: number;
  failed: number;
  skipped: number;
}

const closingLine = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;
const skipLine = /^\W*skipped: (.+)$/;
const skips: string[] = [];
/** What failed, told again at the end: whoever has only the last lines of a run, as of a CI's, must know it from them. */
const failures: string[] = [];
/** A failed test by its name, or a failed row of a table; the indented lines that follow are its details. */
const failureLine = /^✗ | ✗$/;
const detailLines = 30;

const check = (name: string, ...command: string[]): Part => ({ name, command, minutes: 3, counted: false });

const testFolder = (name: string, folder: string, minutes: number, ...flags: string[]): Part => ({
  name,
  command: [node, '--test', '--test-reporter=./test/reporter.ts', ...flags, `${folder}/**/*.test.ts`],
  minutes,
  counted: true,
});

/** Runs a part, its output passed on but for the closing line. Answers what it counts. */
const runPart = async (part: Part): Promise<Sums> => {
  process.stdout.write(`\n── ${part.name}\n`);
  const started = performance.now();
  const [file = '', ...args] = part.command;
  const child = spawn(file, args, {
    cwd: root,
    // Its own group, so that whatever it started ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...part.env },
  });
  const stopWithUs = () => killGroup(child.pid, 'SIGTERM');
  process.once('SIGINT', stopWithUs).once('SIGTERM', stopWithUs);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid, 'SIGKILL');
  }, part.minutes * 60_000);
  let sums: Sums | undefined;
  const told: string[] = [];
  let details = 0;
  const onLine = (line: string) => {
    const [, passed, failed, skipped] = closingLine.exec(line) ?? [];
    if (passed !== undefined) {
      sums = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
      return;
    }
    const skip = skipLine.exec(line)?.[1];
    if (skip !== undefined) skips.push(`${part.name}: ${skip}`);
    const isFailure = failureLine.test(line);
    details = isFailure ? detailLines : line === '' || line.startsWith('    ') ? details - 1 : 0;
    if (details > 0) told.push(isFailure ? `${part.name}: ${line}` : line);
    process.stdout.write(`${line}\n`);
  };
  const readers = [eachLine(child.stdout, onLine), eachLine(child.stderr, onLine)];
  const { code, failure } = await new Promise<{ code: number | null; failure?: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, failure: error.message }));
    child.once('exit', (exitCode, signal) =>
      resolve({ code: exitCode, ...(signal && { failure: `ended by ${signal}` }) }),
    );
  });
  clearTimeout(timer);
  process.off('SIGINT', stopWithUs).off('SIGTERM', stopWithUs);
  // Something it left running would keep its pipes open, and is a leak besides.
  killGroup(child.pid, 'SIGKILL');
  await Promise.all(readers);
  const took = ((performance.now() - started) / 1_000).toFixed(1);
  const why = timedOut ? `not done after ${part.minutes} minutes` : (failure ?? `exit code ${code}`);
  const result = judge(part, code === 0 && !timedOut, sums);
  const broken = result.failed > 0 && (sums?.failed ?? 0) === 0 ? ` (${why})` : '';
  if (broken !== '') told.push(`${part.name}:${broken}`);
  // A test that passes may print such lines too.
  if (result.failed > 0) failures.push(...told);
  process.stdout.write(
    `${part.name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, in ${took} s${broken}\n`,
  );
  return result;
};

const judge = (part: Part, succeeded: boolean, sums: Sums | undefined): Sums => {
  if (!part.counted || !sums) {
    const passed = succeeded && !part.counted;
    return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
  }
  // A nonzero exit code without a failed test is a crash after the last one.
  return succeeded || sums.failed > 0 ? sums : { ...sums, failed: 1 };
};

const killGroup = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
};

const eachLine = async (stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<void> => {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  }
  if (rest !== '') onLine(rest);
};

/** A service of its own for the parts that need a running one; `use` gets its URL. */
const withService = async (use: (url: string) => Promise<Sums>): Promise<Sums> => {
  let service: Service;
  try {
    service = await startService({ env: { PADDOCK_LOG_LEVEL: 'error', PADDOCK_TOKENS_FILE: '' } });
  } catch (error) {
    process.stdout.write(`\n${(error as Error).message}\n`);
    failures.push(`sample programs: ${(error as Error).message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const stop = () => void service.stop();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await use(service.url);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    process.stdout.write(service.log());
    await service.stop();
  }
};

/**
 * Images that the suite builds, apart from the node's own: the databases are there in every part, so that what needs a
 * server runs; all other runtimes have this machine's toolchains, but for the part that tries them in an image.
 */
const imageStores = `${process.env.PADDOCK_TEST_CACHE ?? '/var/cache/paddock/test'}/images`;
process.env.PADDOCK_IMAGE_STORE = `${imageStores}/databases`;

const images = (store: string, ...names: string[]): Part => ({
  name: `images: ${names.join(', ')}`,
  command: [node, 'scripts/image-samples.ts', ...names],
  minutes: 12,
  counted: true,
  env: { PADDOCK_IMAGE_STORE: `${imageStores}/${store}` },
});

const bin = (name: string) => join(root, 'node_modules/.bin', name);
const total: Sums = { passed: 0, failed: 0, skipped: 0 };
const add = (sums: Sums) => {
  total.passed += sums.passed;
  total.failed += sums.failed;
  total.skipped += sums.skipped;
};

add(await runPart(check('format and lint', bin('biome'), 'ci', '.')));
add(await runPart(check('types', bin('tsc'), '--noEmit')));
add(await runPart(check('unused code', bin('knip'))));
add(await runPart(testFolder('unit tests', 'test/unit', 3)));
add(await runPart(images('databases', 'postgresql', 'mariadb')));
add(await runPart(images('languages', 'python')));
if (existsSync(join(root, 'test/integration'))) {
  // Two cores: one file at a time, so that limits on time mean what they say.
  add(await runPart(testFolder('integration tests', 'test/integration', 20, '--test-concurrency=1')));
}
if (existsSync(join(root, 'test/nomad'))) {
  add(await runPart(testFolder('nomad tests', 'test/nomad', 20, '--test-concurrency=1')));
}
if (existsSync(join(root, 'test/programs/run.ts'))) {
  const command = [node, 'test/programs/run.ts'];
  add(await runPart({ name: 'attacks', command, minutes: 9, counted: true }));
}
add(
  await withService((url) =>
    runPart({
      name: 'sample programs',
      command: [node, 'service/bin/paddock.ts', 'runtimes', 'check', '--url', url],
      minutes: 5,
      counted: true,
    }),
  ),
);
if (existsSync(join(root, 'test/browser'))) {
  add(await runPart(testFolder('browser tests', 'test/browser', 8, '--test-concurrency=1')));
}

process.stdout.write('\n');
if (skips.length > 0) process.stdout.write(`Skipped:\n${skips.map((skip) => `  ${skip}\n`).join('')}`);
if (failures.length > 0) process.stdout.write(`Failed:\n${failures.map((line) => `  ${line}\n`).join('')}`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
