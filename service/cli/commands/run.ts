import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { withServiceOptions } from '../service-options.ts';

const builder = (argv: Argv) =>
  withServiceOptions(argv)
    .positional('files', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'The program, the file to run first; "-" reads it from standard input',
    })
    .option('runtime', {
      alias: 'r',
      type: 'string',
      requiresArg: true,
      describe: 'Language; by the extension where it is left out',
    })
    .option('runtime-version', { type: 'string', requiresArg: true, describe: 'Version or range: 3.11, ^20' })
    .option('stdin', {
      alias: 'i',
      type: 'string',
      requiresArg: true,
      describe: 'File for its standard input; a pipe is passed on by itself',
    })
    .option('time', { alias: 't', type: 'string', requiresArg: true, describe: 'Time limit: 500ms, 2s' })
    .option('memory', {
      alias: 'm',
      type: 'string',
      requiresArg: true,
      describe: 'Memory limit in MiB: 64, 1G',
    })
    .option('limit', {
      alias: 'l',
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Any limit, repeatable: processes=8',
    })
    .option('env', {
      alias: 'e',
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'NAME=value, repeatable',
    })
    .option('output', {
      alias: 'o',
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Pattern of files wanted back, repeatable: "*.png"',
    })
    .option('output-dir', { type: 'string', requiresArg: true, describe: 'Folder to save them in' })
    .option('tests', {
      type: 'string',
      requiresArg: true,
      describe: 'JSON file of tests: [{"name", "stdin", "args", "expectedStdout"}]',
    })
    .option('stream', { alias: 's', type: 'boolean', describe: 'Print output as it comes' })
    .example('$0 run hello.py', 'The language is known by the extension')
    .example('echo 3 4 | $0 run add.py -- --verbose', 'Standard input and arguments')
    .example('$0 run main.c util.c util.h --time 2s -m 64', 'Several files, the first is the entry')
    .example('$0 run plot.py -o "*.png" --output-dir out', 'Take files back')
    .epilogue(
      'Exit code: the program’s own; 128+n after signal n; 124 out of time, 137 out of memory, 125 other limits and failures of the service; 1 where it does not compile or a test fails; 2 for a mistake in the command line.',
    );

export const runCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'run <files..>',
  describe: 'Run a program in a sandbox',
  builder,
  handler: async (parsed) => {
    const { execute } = await import('../run/execute.ts');
    const options = parsed as Awaited<ReturnType<typeof builder>['argv']> & { '--'?: string[] };
    done(await execute(context, { ...options, args: (options['--'] ?? []).map(String) }));
  },
});
