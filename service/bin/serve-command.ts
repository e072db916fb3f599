import { type CliContext, CliError, type ServeHooks } from '../cli/context.ts';
import { findPortHolder, isPortTaken } from './port-holder.ts';

/** As the service reads it; what is no port is left to its configuration to tell. */
const portOf = (text: string | undefined): number | undefined =>
  text === undefined || text === '' ? 7070 : /^\d{1,5}$/.test(text) ? Number(text) : undefined;

/** Runs the service until it ends. A port that is taken is told with its holder before anything is started. */
export const serveUntilEnd = async (
  env: Record<string, string | undefined>,
  hooks: ServeHooks,
  context: CliContext,
): Promise<number> => {
  const host = env.PADDOCK_HOST || '127.0.0.1';
  const port = portOf(env.PADDOCK_PORT);
  if (port !== undefined && port !== 0 && (await isPortTaken(host, port))) {
    throw new CliError(await describeTakenPort(context, host, port), 1);
  }
  const { serve } = await import('./serve.ts');
  return serve(env, hooks);
};

const describeTakenPort = async (context: CliContext, host: string, port: number): Promise<string> => {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const isPaddock = await context
    .fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) })
    .then(async (response) => /"isolation"|"idle"|"draining"|"no-executor"/.test(await response.text()))
    .catch(() => false);
  const holder = await findPortHolder(port);
  const other = `PADDOCK_PORT=${port + 1} ./scripts/start takes another port.`;
  return isPaddock
    ? `Paddock is running at ${url} already${holder ? `: ${holder}` : ''}.\nUse it as it is (./scripts/paddock run FILE), or end it first. ${other}`
    : `port ${port} of ${host} is taken by ${holder ?? 'another program'}.\n${other}`;
};
