import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { withServiceOptions } from '../service-options.ts';

const builder = (argv: Argv) =>
  withServiceOptions(argv)
    .positional('files', { type: 'string', array: true, describe: 'The program, the file to run first' })
    .option('code', { type: 'string', requiresArg: true, describe: 'The program itself, instead of a file' })
    .option('runtime', {
      alias: 'r',
      type: 'string',
      requiresArg: true,
      describe: 'Language; known by the extension of a file, needed with --code',
      defaultDescription: 'python',
    })
    .option('runtime-version', { type: 'string', requiresArg: true, describe: 'Version or range: 3.11, ^20' })
    .option('connections', {
      alias: 'c',
      type: 'string',
      requiresArg: true,
      describe: 'Connections, one request at a time on each',
      defaultDescription: '8',
    })
    .option('duration', {
      alias: 'd',
      type: 'string',
      requiresArg: true,
      describe: 'How long to measure: 10s, 1m',
      defaultDescription: '10s',
    })
    .option('warm-up', {
      type: 'string',
      requiresArg: true,
      describe: 'The same load before it, not measured; 0 for none',
      defaultDescription: '2s',
    })
    .option('rate', {
      alias: 'R',
      type: 'string',
      requiresArg: true,
      describe: 'Requests a second, evenly spaced, whether or not the service keeps up',
      defaultDescription: 'as many as it answers',
    })
    .option('expect', {
      type: 'string',
      requiresArg: true,
      describe: 'What the program has to print',
      defaultDescription: 'what it prints the first time',
    })
    .option('any-output', {
      type: 'boolean',
      describe: 'It has to end well; what it prints is not looked at',
    })
    .example('$0 bench', 'How many hellos in Python, and how fast')
    .example('$0 bench main.cpp -c 2 -d 30s', 'A program of yours')
    .example('$0 bench -r python --code "print({{n}} and 1)" --any-output', 'Each request another program')
    .example('$0 bench --rate 50 --json', 'At a pace, for machines')
    .epilogue(
      'Wherever the program holds {{n}}, each request has its own number there, so that no cache knows it. With --rate, a request that had to wait for a connection counts from when it was due. Exit code: 1 where an answer was not what the program should give, 2 for a mistake in the command line.',
    );

export const benchCommand = ({ context, ports, done }: CommandEnvironment): CommandModule => ({
  command: 'bench [files..]',
  describe: 'Measure a running service: executions a second, and how long they take',
  builder,
  handler: async (parsed) => {
    const { measure } = await import('../bench/measure.ts');
    done(await measure(context, ports.load, parsed as Awaited<ReturnType<typeof builder>['argv']>));
  },
});
