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
      .command(drainCommand(environment))
      .command(logsCommand(environment))
      .example('$0 nomad status', 'How pools and executors are')
      .example('$0 nomad logs 1a2b3c4d -f', 'What an executor writes')
      .example('$0 nomad drain node-7', 'Empty a node, for example before it is switched off')
      .demandCommand(1, 'Which: register, status, drain or logs?')
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

const drainBuilder = (argv: Argv) =>
  withPrefix(withServiceOptions(argv))
    .positional('target', {
      type: 'string',
      demandOption: true,
      describe:
        "A node's name or id, or the id of an executor's allocation; the first letters of an id will do",
    })
    .option('deadline', {
      type: 'string',
      requiresArg: true,
      describe: 'Of a node: when Nomad ends what is still there',
      defaultDescription: '10m',
    })
    .option('off', { type: 'boolean', describe: "End a node's drain: it takes executors again" })
    .option('wait', {
      type: 'boolean',
      describe: 'Follow until it is empty (at a terminal, unless --wait=false)',
    })
    .hide('json')
    .example('$0 nomad drain node-7 --deadline 30m', 'Empty a node')
    .example('$0 nomad drain node-7 --off', 'Use it again')
    .example('$0 nomad drain 1a2b3c4d --wait', 'Replace one executor')
    .epilogue(
      `Executors take nothing new at once, finish what they run and end; their pool has others started elsewhere. How long what runs may take is killTimeoutSeconds of the pool, at most max_kill_timeout of the node's Nomad client. ${nomadVariables}`,
    );

const drainCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'drain <target>',
  describe: 'Empty a node, or end an executor, once what runs has finished',
  builder: drainBuilder,
  handler: async (parsed) => {
    const options = parsed as Awaited<ReturnType<typeof drainBuilder>['argv']>;
    const [{ drain }, { withNomad }] = await Promise.all([
      import('../nomad/drain.ts'),
      import('../nomad/with-nomad.ts'),
    ]);
    environment.done(
      await withNomad(environment, options, { policy: operator }, (nomad) =>
        drain(environment.context, nomad, options),
      ),
    );
  },
});

const logsBuilder = (argv: Argv) =>
  withPrefix(argv)
    .positional('executor', {
      type: 'string',
      demandOption: true,
      describe: 'The id of its allocation, or the first letters of it; also of one that ended lately',
    })
    .option('follow', { alias: 'f', type: 'boolean', describe: 'Go on as it writes, until it ends' })
    .option('stderr', { type: 'boolean', describe: 'Standard error instead of the log' })
    .option('tail', {
      alias: 'n',
      type: 'string',
      requiresArg: true,
      describe: 'Only the last lines (50), or bytes (64k, 1m, 500b)',
    })
    .option('json', { type: 'boolean', describe: 'Lines as they were written, for machines' })
    .example('$0 nomad logs 1a2b3c4d -f -n 20', 'The last 20 lines, and what comes')
    .epilogue(`What programs print is not in logs. ${nomadVariables}`);

const logsCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'logs <executor>',
  describe: 'What an executor has logged',
  builder: logsBuilder,
  handler: async (parsed) => {
    const options = parsed as Awaited<ReturnType<typeof logsBuilder>['argv']>;
    const [{ logs }, { withNomad }] = await Promise.all([
      import('../nomad/logs.ts'),
      import('../nomad/with-nomad.ts'),
    ]);
    environment.done(
      await withNomad(environment, options, { policy: viewer }, (nomad) =>
        logs(environment.context, nomad, options),
      ),
    );
  },
});
