import { resolve } from 'node:path';
import { NomadError } from '../../cluster/nomad/api/errors.ts';
import { type CliContext, CliError, type CommandEnvironment, type NomadAccess } from '../context.ts';
import { single } from '../option-values.ts';

/** The options of every command that talks to Nomad. */
export interface NomadOptions {
  prefix?: string | undefined;
  pools?: string | undefined;
}

export interface NomadFailures {
  /** The exit code where Nomad is not there or refuses. */
  readonly code?: number;
  /** Which policy lets a token do what the command does. */
  readonly policy: string;
}

/** Opens Nomad as flags and variables name it, closes it after the task, and tells its failures in plain words. */
export const withNomad = async (
  { context, ports }: CommandEnvironment,
  options: NomadOptions,
  failures: NomadFailures,
  task: (nomad: NomadAccess) => Promise<number>,
): Promise<number> => {
  const nomad = await ports.nomad({ ...context.env, ...variablesOf(context, options) });
  const close = (): Promise<void> => nomad.api.close();
  context.signal.addEventListener('abort', close, { once: true });
  try {
    return await task(nomad);
  } catch (error) {
    throw error instanceof NomadError ? explain(context, error, failures) : error;
  } finally {
    context.signal.removeEventListener('abort', close);
    await close();
  }
};

/** Flags go before variables; a path is meant from where the command was given. */
const variablesOf = (context: CliContext, { prefix, pools }: NomadOptions): Record<string, string> => ({
  ...(prefix !== undefined && { PADDOCK_NOMAD_PREFIX: single('--prefix', prefix) }),
  ...(pools !== undefined && { PADDOCK_POOLS_FILE: resolve(context.cwd, single('--pools', pools)) }),
});

/** A failure of Nomad in words, with what helps where that is known. */
export const explain = (
  context: CliContext,
  error: NomadError,
  { code, policy }: NomadFailures,
): CliError => {
  const lines = [error.message.replace(/^The /, 'the ').replace(/^What /, 'what ')];
  if (error.status === 401 || error.status === 403) lines.push(`  enough for this is ${policy}`);
  if (error.status === undefined && !context.env.NOMAD_ADDR)
    lines.push('  NOMAD_ADDR is not set; it says where Nomad is, as for the nomad command');
  return new CliError(lines.join('\n'), code ?? 1, { cause: error });
};
