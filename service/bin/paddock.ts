import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliContext, CliPorts } from '../cli/context.ts';
import { runCli } from '../cli/program.ts';
import { createServiceFetch, readServiceTrust } from './service-trust.ts';

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

// A reader that has seen enough (`| head`) ends us as SIGPIPE ends other programs, without a stack trace.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(141);
    throw error;
  });
}

const interruption = new AbortController();
const interrupt = () => interruption.abort();

const context: CliContext = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  // Opening standard input has effects of its own, so it is left alone until it is read.
  get stdin() {
    return process.stdin;
  },
  fetch: createServiceFetch(process.env, process.cwd()),
  cwd: process.cwd(),
  projectRoot,
  uid: process.getuid?.() ?? -1,
  colours: process.stdout.isTTY === true && !process.env.NO_COLOR,
  now: () => performance.now(),
  date: () => new Date(),
  randomBytes,
  signal: interruption.signal,
};

const ports: CliPorts = {
  async serve(env, hooks) {
    // The service handles signals itself: it drains first.
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    const { serveUntilEnd } = await import('./serve-command.ts');
    return serveUntilEnd(env, hooks, context);
  },
  async doctor(env) {
    const { checkMachine } = await import('./doctor.ts');
    return checkMachine(env);
  },
  async load(order) {
    const { generateLoad } = await import('./autocannon-load.ts');
    return generateLoad(order, await readServiceTrust(context.env, context.cwd));
  },
  async nomad(env) {
    const { openNomad } = await import('./open-nomad.ts');
    return openNomad(env, projectRoot, version());
  },
};

/** Ends with the code once everything written has left: a pipe takes it later than a file. */
const exitWith = (code: number): void => {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
};

const version = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
};

process.once('SIGINT', interrupt);
process.once('SIGTERM', interrupt);
runCli(process.argv.slice(2), context, ports, version()).then(exitWith, (error: unknown) => {
  process.stderr.write(`paddock: ${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
