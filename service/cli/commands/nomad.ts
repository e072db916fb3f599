import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { withServiceOptions } from '../service-options.ts';

const viewer = 'the policy nomad/acl/viewer.policy.hcl';
const operator = 'the policy nomad/acl/operator.policy.hcl';
const registrar = `${operator}, and register-job (with --remove-stale purge-job as well) for --apply`;

const withPrefix = <T>(argv: Argv<T>) =>
  argv.option('prefix', {
    type: 'string',
    requiresArg: true,
    describe: "What the pools' jobs are called in front (or PADDOCK_NOMAD_PREFIX)",
    defaultDescription: 'paddock',
  });

const nomadVariables =
  'NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE, NOMAD_CACERT and so on are used as by the nomad command.';

export const nomadCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'nomad',
  describe: 'Operate Paddock on a Nomad cluster',
  builder: (argv) =>
    argv
      .command(registerCommand(environment))
      .command(statusCommand(environment))
      .example('$0 nomad register', "What registering the pools' jobs would change")
      .demandCommand(1, 'Which: register?')
      .epilogue(nomadVariables),
  handler: () => {},
});

const registerBuilder = (argv: Argv) =>
  withPrefix(argv)
    .option('pools', {
      type: 'string',
      requiresArg: true,
      describe: 'File of the pools (or PADDOCK_POOLS_FILE)',
      defaultDescription: 'one pool, default',
    })
    .option('dry-run', { type: 'boolean', describe: 'Only show what would change (as without --apply)' })
    .option('apply', { type: 'boolean', describe: 'Register what differs' })
    .option('remove-stale', {
      type: 'boolean',
      describe: 'Remove the jobs of pools that the file names no longer; their executors finish and end',
    })
    .option('json', { type: 'boolean', describe: 'Answer as JSON, for machines' })
    .conflicts('dry-run', 'apply')
    .example('$0 nomad register --pools pools.yaml', 'Show the differences')
    .example('$0 nomad register --pools pools.yaml --apply', 'Register them')
    .epilogue(
      `The exit code is 0 where nothing changes or all was registered, 1 where something would change, 2 where it fails. Dispatchers register the same jobs when they start, so give the same PADDOCK_ variables here: PADDOCK_NODE_HOME (where Paddock lies on the nodes, if not where it lies here), PADDOCK_UI_LINK, PADDOCK_TLS_CA, PADDOCK_TLS_CERT, PADDOCK_TLS_KEY. Executors that run are not touched. ${nomadVariables}`,
    );

const registerCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'register',
  describe: "Show or register the pools' jobs",
  builder: registerBuilder,
  handler: async (parsed) => {
    const options = parsed as Awaited<ReturnType<typeof registerBuilder>['argv']>;
    const [{ register, registerFailure }, { withNomad }] = await Promise.all([
      import('../nomad/register.ts'),
      import('../nomad/with-nomad.ts'),
    ]);
    const failures = { code: registerFailure, policy: registrar };
    environment.done(
      await withNomad(environment, options, failures, (nomad) =>
        register(environment.context, nomad, options),
      ),
    );
  },
});

const statusBuilder = (argv: Argv) =>
  withPrefix(withServiceOptions(argv))
    .positional('pool', { type: 'string', describe: 'Only this one' })
    .example('$0 nomad status', 'All pools')
    .example('$0 nomad status gpu --url http://10.0.0.5:7070', 'One, as this dispatcher sees it')
    .epilogue(
      `Without --url and PADDOCK_URL the leading dispatcher is asked. Where none answers, Nomad's part is shown alone. ${nomadVariables}`,
    );

const statusCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'status [pool]',
  describe: 'Pools and executors, as Nomad and a dispatcher see them',
  builder: statusBuilder,
  handler: async (parsed) => {
    const options = parsed as Awaited<ReturnType<typeof statusBuilder>['argv']>;
    const [{ status }, { withNomad }] = await Promise.all([
      import('../nomad/status.ts'),
      import('../nomad/with-nomad.ts'),
    ]);
    environment.done(
      await withNomad(environment, options, { policy: viewer }, (nomad) =>
        status(environment.context, nomad, options),
      ),
    );
  },
});
