import yargs from 'yargs';
import { benchCommand } from './commands/bench.ts';
import { doctorCommand } from './commands/doctor.ts';
import { executorsCommand } from './commands/executors.ts';
import { imagesCommand } from './commands/images.ts';
import { nomadCommand } from './commands/nomad.ts';
import { poolsCommand } from './commands/pools.ts';
import { runCommand } from './commands/run.ts';
import { runtimesCommand } from './commands/runtimes.ts';
import { serveCommand } from './commands/serve.ts';
import { statsCommand } from './commands/stats.ts';
import { tokenCommand } from './commands/token.ts';
import type { CliContext, CliPorts, CommandEnvironment } from './context.ts';
import { CliError, standardInput, UsageError } from './context.ts';

export const commandName = 'paddock';

const buildParser = (environment: CommandEnvironment, version: string) =>
  yargs()
    .scriptName(commandName)
    .usage('$0 COMMAND\n\nRuns untrusted programs in sandboxes.')
    .locale('en')
    .parserConfiguration({
      'populate--': true,
      'greedy-arrays': false,
      'boolean-negation': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
    })
    .command(serveCommand(environment))
    .command(runCommand(environment))
    .command(runtimesCommand(environment))
    .command(executorsCommand(environment))
    .command(poolsCommand(environment))
    .command(statsCommand(environment))
    .command(benchCommand(environment))
    .command(doctorCommand(environment))
    .command(tokenCommand(environment))
    .command(imagesCommand(environment))
    .command(nomadCommand(environment))
    .completion('completion', 'Print a script for shell completion (bash or zsh)')
    .example('$0 run hello.py', 'Run a program in a sandbox')
    .example('$0 run main.cpp --stdin input.txt -- --fast 3', 'With standard input and arguments')
    .example('$0 runtimes', 'Which languages there are')
    .example('$0 doctor', 'Which protections this machine gives')
    .epilogue('$0 COMMAND --help tells more of a command. README.md shows the way from the start.')
    .demandCommand(1, 'Which command?')
    .recommendCommands()
    .strict()
    .strictCommands()
    .version(version)
    .alias('help', 'h')
    .wrap(Math.min(environment.context.stdout.columns ?? 100, 100))
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(plainMessage(message));
    });

/** yargs loses a positional "-", so standard input goes by its name as a file. Arguments of the program stay as they are. */
const withNamedInput = (args: readonly string[]): string[] => {
  const end = args.indexOf('--');
  return args.map((arg, index) => (arg === '-' && (end < 0 || index < end) ? standardInput : arg));
};

const plainMessage = (message: string | null): string => {
  if (message === null) return 'the command line is not valid';
  if (message.startsWith('Not enough non-option arguments')) return 'an argument is missing';
  return message.charAt(0).toLowerCase() + message.slice(1);
};

/**
 * Runs one command line (without node and script name) and answers its exit code. Mistakes in the command line give 2,
 * an interruption 130; what else a code means is the command's own.
 */
export const runCli = async (
  args: readonly string[],
  context: CliContext,
  ports: CliPorts,
  version: string,
): Promise<number> => {
  let exitCode = 0;
  const done = (code: number) => {
    exitCode = code;
  };
  try {
    await buildParser({ context, ports, done }, version).parseAsync(
      withNamedInput(args),
      {},
      (_error, _argv, output) => {
        if (output) context.stdout.write(`${output}\n`);
      },
    );
    return exitCode;
  } catch (error) {
    return reportError(context, args, error);
  }
};

const reportError = (context: CliContext, args: readonly string[], error: unknown): number => {
  if (context.signal.aborted) return 130;
  if (error instanceof CliError) {
    context.stderr.write(`${commandName}: ${error.message}\n`);
    if (error instanceof UsageError) context.stderr.write(`See ${helpFor(args)}.\n`);
    return error.exitCode;
  }
  // yargs reports its own faults (an option without its value, for example) as errors named YError.
  if (error instanceof Error && error.name === 'YError') {
    return reportError(context, args, new UsageError(error.message));
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  context.stderr.write(`${commandName}: something went wrong that should not: ${text}\n`);
  return 1;
};

const commandWords = new Set(
  'serve run runtimes executors pools stats bench doctor token images nomad'.split(' '),
);

const helpFor = (args: readonly string[]): string => {
  const [command] = args;
  return command !== undefined && commandWords.has(command)
    ? `${commandName} ${command} --help`
    : `${commandName} --help`;
};
