import { resolve } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import type { CliContext, CommandEnvironment } from '../context.ts';

const builder = (argv: Argv) =>
  argv
    .option('host', {
      type: 'string',
      requiresArg: true,
      describe: 'Address to listen on (PADDOCK_HOST)',
      defaultDescription: '127.0.0.1',
    })
    .option('port', {
      alias: 'p',
      type: 'string',
      requiresArg: true,
      describe: 'Port (PADDOCK_PORT)',
      defaultDescription: '7070',
    })
    .option('executors', {
      type: 'string',
      requiresArg: true,
      describe: 'Executors to start on this machine (PADDOCK_EXECUTORS)',
    })
    .option('state-dir', { type: 'string', requiresArg: true, describe: 'What it keeps (PADDOCK_STATE_DIR)' })
    .option('cache-dir', {
      type: 'string',
      requiresArg: true,
      describe: 'What it may lose (PADDOCK_CACHE_DIR)',
    })
    .option('tokens-file', {
      type: 'string',
      requiresArg: true,
      describe: 'Service tokens, see "paddock token" (PADDOCK_TOKENS_FILE)',
    })
    .option('log-level', {
      type: 'string',
      choices: ['debug', 'info', 'warn', 'error', 'silent'],
      describe: 'What is logged (PADDOCK_LOG_LEVEL)',
    })
    .option('allow-weaker', {
      type: 'boolean',
      describe: 'Start where a protection cannot be enforced (PADDOCK_ALLOW_WEAKER)',
    })
    .option('hello', {
      type: 'boolean',
      describe: 'When ready, run a first program and tell what to try next',
    })
    .example('$0 serve', 'On this machine only, open to it')
    .example('$0 serve --host 0.0.0.0 --tokens-file tokens.json', 'For others too: tokens are needed')
    .epilogue('Flags go before variables. docs/operating.md lists every variable.');

type Options = Awaited<ReturnType<typeof builder>['argv']>;

export const serveCommand = ({ context, ports, done }: CommandEnvironment): CommandModule => ({
  command: 'serve',
  describe: 'Start the service with executors on this machine',
  builder,
  handler: async (parsed) => {
    const options = parsed as Options;
    const env = { ...context.env, ...(await variablesOf(context, options)) };
    // Log lines would bury the greeting; what needs attention is still logged.
    if (options.hello) env.PADDOCK_LOG_LEVEL ||= 'warn';
    const code = await ports.serve(env, {
      onReady: (url) => (options.hello ? greet(context, url) : undefined),
    });
    done(code);
  },
});

/** A first program that fails is told; the service stays up, so that the reason can be looked for. */
const greet = async (context: CliContext, url: string): Promise<void> => {
  const { sayHello } = await import('../hello.ts');
  try {
    await sayHello(context, url);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.stderr.write(
      `paddock: the service is up at ${url}, but its first program failed: ${reason}\nSee ./scripts/paddock doctor.\n`,
    );
  }
};

/** The flags as the variables they stand for; what they may be is checked where all of the configuration is. */
const variablesOf = async (context: CliContext, options: Options): Promise<Record<string, string>> => {
  const { parsePort, parseCount, single } = await import('../option-values.ts');
  const variables: Record<string, string> = {};
  const set = (name: string, option: string, value: unknown) => {
    if (value !== undefined) variables[name] = single(option, value);
  };
  // Paths are meant from where the command was given.
  const setPath = (name: string, option: string, value: unknown) => {
    if (value !== undefined) variables[name] = resolve(context.cwd, single(option, value));
  };
  set('PADDOCK_HOST', '--host', options.host);
  if (options.port !== undefined) variables.PADDOCK_PORT = String(parsePort('--port', options.port));
  if (options.executors !== undefined) {
    variables.PADDOCK_EXECUTORS = String(parseCount('--executors', options.executors));
  }
  setPath('PADDOCK_STATE_DIR', '--state-dir', options.stateDir);
  setPath('PADDOCK_CACHE_DIR', '--cache-dir', options.cacheDir);
  setPath('PADDOCK_TOKENS_FILE', '--tokens-file', options.tokensFile);
  set('PADDOCK_LOG_LEVEL', '--log-level', options.logLevel);
  if (options.allowWeaker) variables.PADDOCK_ALLOW_WEAKER = 'true';
  return variables;
};
