import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tenant } from '../../../service/contracts/service.ts';
import { createToken, hashToken } from '../../../service/contracts/token.ts';

/** As scripts/paddock starts the service: a small young generation costs CPU time and saves memory. */
const serviceFlags = ['--max-semi-space-size=8', '--v8-pool-size=1'];

const pathOf = (program: string): string => join(import.meta.dirname, program);

/** A program of this folder, as a process of its own. */
export const startPart = (program: string): ChildProcess => fork(pathOf(program), { execArgv: [] });

/** A dispatcher of this folder with the flags and surroundings of the service, and the token it takes. */
export const startDispatcher = (program: string, folder: string): { child: ChildProcess; token: string } => {
  mkdirSync(folder, { recursive: true });
  const token = createToken(randomBytes);
  const tenant = { tenant: 'load', tokenHash: hashToken(token), createdAt: new Date().toISOString() };
  const tokens: Tenant[] = [{ ...tenant, weight: 1, maxWaiting: 1_000, maxLimits: {}, images: [] }];
  const tokensFile = join(folder, 'tokens.json');
  writeFileSync(tokensFile, JSON.stringify({ tokens }));
  const child = fork(pathOf(program), {
    env: { ...process.env, PADDOCK_TOKENS_FILE: tokensFile, MALLOC_ARENA_MAX: '1' },
    execArgv: serviceFlags,
    // The events of the executions go to a file: written as for an operator, and read by nobody.
    stdio: ['ignore', openSync(join(folder, 'log'), 'w'), 'inherit', 'ipc'],
  });
  return { child, token };
};

/** What it says next; an end before that is a failure. */
export const heard = async <T>(child: ChildProcess): Promise<T> => {
  const over = new AbortController();
  const { signal } = over;
  const said = once(child, 'message', { signal }).then(([message]): T => message);
  const ended = once(child, 'exit', { signal }).then(([code, by]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended with ${by ?? code}`);
  });
  try {
    return await Promise.race([said, ended]);
  } finally {
    // What did not come is waited for no longer; that it is given up is no news.
    Promise.allSettled([said, ended]);
    over.abort();
  }
};

export const endPart = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
};
