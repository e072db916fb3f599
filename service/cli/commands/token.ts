import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';

const withFile = <T>(argv: Argv<T>) =>
  argv
    .option('tokens-file', {
      type: 'string',
      requiresArg: true,
      describe: 'Where tokens are kept, hashed (or PADDOCK_TOKENS_FILE)',
      defaultDescription: '/etc/paddock/tokens.json as root, else ~/.config/paddock/tokens.json',
    })
    .option('json', { type: 'boolean', describe: 'Answer as JSON, for machines' });

export const tokenCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'token',
  describe: 'Make, list and revoke the service tokens of tenants',
  builder: (argv) =>
    argv
      .command(createCommand(environment))
      .command(listCommand(environment))
      .command(revokeCommand(environment))
      .example('$0 token create grader --weight 2', 'A token for the application "grader"')
      .demandCommand(1, 'Which: create, list or revoke?'),
  handler: () => {},
});

const createBuilder = (argv: Argv) =>
  withFile(argv)
    .positional('tenant', { type: 'string', demandOption: true, describe: 'Name of the calling application' })
    .option('weight', {
      type: 'string',
      requiresArg: true,
      describe: 'Fair share against others, 1 to 100',
      defaultDescription: '1',
    })
    .option('max-waiting', {
      type: 'string',
      requiresArg: true,
      describe: 'Executions that may wait',
      defaultDescription: '100',
    })
    .option('max-running', {
      type: 'string',
      requiresArg: true,
      describe: 'Executions at once',
      defaultDescription: 'as many as there is room',
    })
    .option('max-limit', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Most it may ask for, repeatable: memoryMb=512',
    })
    .option('allow-images', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Registry, or part of it, whose images it may ask for, repeatable: registry.example/team',
    });

const createCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'create <tenant>',
  describe: 'Make a token; it is shown once',
  builder: createBuilder,
  handler: async (parsed) => {
    const { createToken } = await import('../tokens/create-token.ts');
    done(await createToken(context, parsed as Awaited<ReturnType<typeof createBuilder>['argv']>));
  },
});

const listCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'list',
  describe: 'Who has tokens, and their limits',
  builder: (argv) => withFile(argv),
  handler: async (parsed) => {
    const { listTokens } = await import('../tokens/list-tokens.ts');
    done(await listTokens(context, parsed as Awaited<ReturnType<typeof withFile<object>>['argv']>));
  },
});

const revokeBuilder = (argv: Argv) =>
  withFile(argv).positional('tenant', {
    type: 'string',
    demandOption: true,
    describe: 'A tenant, with all its tokens, or the id of one token (see list)',
  });

const revokeCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'revoke <tenant>',
  describe: 'Take tokens back',
  builder: revokeBuilder,
  handler: async (parsed) => {
    const { revokeTokens } = await import('../tokens/revoke-tokens.ts');
    done(await revokeTokens(context, parsed as Awaited<ReturnType<typeof revokeBuilder>['argv']>));
  },
});
