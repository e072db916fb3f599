import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { type ServiceOptions, withServiceOptions } from '../service-options.ts';

type Options = ServiceOptions & { json?: boolean };

export const runtimesCommand = (environment: CommandEnvironment): CommandModule<object, Options> => ({
  command: 'runtimes',
  describe: 'Which languages and tools there are; "runtimes check" tries each',
  builder: (argv) =>
    withServiceOptions(argv)
      .command(checkCommand(environment))
      .example('$0 runtimes', 'List them')
      .example('$0 runtimes check python java', 'Run the sample programs of two'),
  handler: async (options) => {
    const { context, done } = environment;
    const { createServiceClient } = await import('../service-client.ts');
    const { runtimesResponseSchema } = await import('../../contracts/service.ts');
    const { formatTable } = await import('../table.ts');
    const client = await createServiceClient(context, options);
    const answer = await client.get('/v1/runtimes', runtimesResponseSchema);
    if (options.json) {
      context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else {
      const rows = answer.runtimes.map((runtime) => [
        runtime.name,
        runtime.version || '-',
        runtime.aliases.join(' ') || '-',
        runtime.extensions.join(' ') || '-',
        runtime.available
          ? runtime.startedAhead
            ? 'available, started ahead'
            : 'available'
          : `unavailable: ${runtime.reason ?? 'no reason given'}`,
      ]);
      context.stdout.write(formatTable(['name', 'version', 'aliases', 'extensions', 'state'], rows));
    }
    done(0);
  },
});

const checkBuilder = (argv: Argv<object>) =>
  withServiceOptions(argv)
    .positional('names', { type: 'string', array: true, describe: 'Only these' })
    .option('images', {
      type: 'string',
      requiresArg: true,
      describe: 'Folder of the runtimes (default: images/)',
    });

const checkCommand = ({
  context,
  done,
}: CommandEnvironment): CommandModule<object, Options & { names?: string[]; images?: string }> => ({
  command: 'check [names..]',
  describe: 'Run the sample programs of each runtime and compare their output',
  builder: checkBuilder,
  handler: async (options) => {
    const { checkRuntimes } = await import('../samples/check-runtimes.ts');
    done(await checkRuntimes(context, options));
  },
});
