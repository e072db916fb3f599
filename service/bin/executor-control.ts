import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ExecutorStatus, executorStatusSchema } from '../contracts/executor-api.ts';
import { shortSocketPath, underWay } from './control-socket.ts';
import { CONTROL_SOCKET } from './nomad-executor-config.ts';

/*
 * `paddock-executor status` and `paddock-executor drain`, run by Nomad as actions in the executor's allocation: asks the
 * executor over its socket there, and prints for people.
 */
/** See executor/server.ts. */
const { request } = process.getBuiltinModule('node:http');
const BAD_USE = 2;
const MEBIBYTE = 1024 * 1024;

const ask = async (socketPath: string, method: string, path: string): Promise<IncomingMessage> => {
  const outgoing = request({ socketPath, method, path, headers: { host: 'executor' } });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode}`);
  return response;
};

const describe = (status: ExecutorStatus): string => {
  const there = status.runtimes.filter(({ available }) => available);
  const warm = status.warm.reduce((sum, { ready }) => sum + ready, 0);
  const mib = (bytes: number): number => Math.round(bytes / MEBIBYTE);
  const { executions, internalErrors, warmHits, warmMisses } = status.counters;
  return [
    `executor      ${status.id} on ${status.node}, since ${status.startedAt}`,
    `state         ${status.state}; ${underWay(status.running)}, at most ${status.maxRunning} at once`,
    `so far        ${executions} executions, ${internalErrors} failed on our side; ${warmHits} sandboxes were warm, ${warmMisses} were not`,
    `warm          ${warm} sandboxes, ${mib(status.warmBytes)} of ${mib(status.warmBudgetBytes)} MiB`,
    `runtimes      ${there.map(({ name, version }) => `${name} ${version}`).join(', ') || 'none'}`,
    ...status.runtimes
      .filter(({ available }) => !available)
      .map(({ name, reason }) => `  without     ${name}: ${reason}`),
    `capabilities  ${status.capabilities.join(', ') || 'none'}`,
    `isolation     ${status.isolation.sandbox}, cgroup ${status.isolation.cgroup}${status.isolation.weaker.map((what) => `\n  weaker      ${what}`).join('')}`,
    '',
  ].join('\n');
};

const commands: Readonly<Record<string, (socketPath: string) => Promise<void>>> = {
  async status(socketPath) {
    const answer = await text(await ask(socketPath, 'GET', '/status'));
    process.stdout.write(describe(executorStatusSchema.parse(JSON.parse(answer))));
  },
  async drain(socketPath) {
    for await (const chunk of await ask(socketPath, 'POST', '/drain')) process.stdout.write(chunk);
  },
};

const complain = (message: string, code: number): number => {
  process.stderr.write(`paddock-executor: ${message}\n`);
  return code;
};

const run = async (name: string, secretsFolder: string | undefined): Promise<number> => {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command)
    return complain(`there is no "${name}"; there are: ${Object.keys(commands).join(', ')}`, BAD_USE);
  if (!secretsFolder)
    return complain('NOMAD_SECRETS_DIR is not set: this runs within an allocation', BAD_USE);
  try {
    const socket = shortSocketPath(join(secretsFolder, CONTROL_SOCKET));
    await command(socket.path);
    return 0;
  } catch (error) {
    return complain(`the executor does not answer: ${(error as Error).message}`, 1);
  }
};

process.exitCode = await run(process.argv[2] ?? '', process.env.NOMAD_SECRETS_DIR);
