import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));

/** Parses and validates without an agent; the address is one where none can be, and no token of the caller's is used. */
const environment = Object.fromEntries([
  ...Object.entries(process.env).filter(([name]) => !name.startsWith('NOMAD_')),
  ['NOMAD_ADDR', 'http://127.0.0.1:1'],
]);

/** Runs the nomad command in the project's folder. */
export const nomad = (...args: string[]) =>
  spawnSync('nomad', args, { cwd: projectFolder, env: environment, encoding: 'utf8', timeout: 60_000 });

/** For `skip` of tests: why they are, or false. */
export const withoutNomad = nomad('version').status === 0 ? false : 'no nomad on the PATH';
