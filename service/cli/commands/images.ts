import type { Argv, CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { tellingFaults, withLimits, withStore } from '../images/options.ts';

/** What yargs makes of options that a builder has declared. */
type Parsed<Builder extends (argv: Argv) => { argv: unknown }> = Awaited<ReturnType<Builder>['argv']>;

const json = { type: 'boolean', describe: 'Answer as JSON, for machines' } as const;

export const imagesCommand = (environment: CommandEnvironment): CommandModule => ({
  command: 'images',
  describe: 'Build, pull, list, verify and prune the images of runtimes on this node',
  builder: (argv) =>
    argv
      .command(buildCommand(environment))
      .command(pullCommand(environment))
      .command(listCommand(environment))
      .command(verifyCommand(environment))
      .command(pruneCommand(environment))
      .example('$0 images build python', 'Build images/python/Containerfile into the store')
      .example('$0 images pull --pins images.yaml', 'Bring every image of the file, by digest')
      .example('$0 images pull python=registry.example/paddock/python:1', 'And tell what to pin')
      .demandCommand(1, 'Which: build, pull, list, verify or prune?'),
  handler: () => {},
});

const buildBuilder = (argv: Argv) =>
  withLimits(withStore(argv))
    .positional('names', { type: 'string', array: true, describe: 'Runtimes', defaultDescription: 'all' })
    .option('images', {
      type: 'string',
      requiresArg: true,
      describe: 'Folder with NAME/Containerfile',
      defaultDescription: 'images/ of Paddock',
    })
    .option('base', {
      type: 'string',
      requiresArg: true,
      describe: 'Image to build upon, for ARG BASE',
      defaultDescription: 'as the Containerfile says',
    })
    .option('push', {
      type: 'string',
      requiresArg: true,
      describe: 'Push each to REGISTRY/NAME',
    })
    .option('pins', { type: 'string', requiresArg: true, describe: 'Write digests of what was pushed here' });

const buildCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'build [names..]',
  describe: 'Build with buildah, into the store of this node',
  builder: buildBuilder,
  handler: async (parsed) => {
    const { buildImages } = await import('../images/build.ts');
    done(await tellingFaults(() => buildImages(context, parsed as Parsed<typeof buildBuilder>)));
  },
});

const pullBuilder = (argv: Argv) =>
  withLimits(withStore(argv))
    .positional('images', {
      type: 'string',
      array: true,
      describe: 'NAME=REFERENCE, or names in the file of pins',
      defaultDescription: 'all of the file',
    })
    .option('pins', {
      type: 'string',
      requiresArg: true,
      describe: 'YAML file with images: {NAME: REGISTRY/REPOSITORY@sha256:…} (or PADDOCK_IMAGES_FILE)',
    })
    .option('authfile', {
      type: 'string',
      requiresArg: true,
      describe: 'Credentials of registries (or REGISTRY_AUTH_FILE)',
      defaultDescription: 'as skopeo and docker login write them',
    })
    .option('registries-conf', {
      type: 'string',
      requiresArg: true,
      describe: 'Mirrors of registries (or CONTAINERS_REGISTRIES_CONF)',
      defaultDescription: '/etc/containers/registries.conf',
    })
    .option('json', json);

const pullCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'pull [images..]',
  describe: 'Bring images from registries, checked and unpacked',
  builder: pullBuilder,
  handler: async (parsed) => {
    const { pullImages } = await import('../images/pull.ts');
    done(await tellingFaults(() => pullImages(context, parsed as Parsed<typeof pullBuilder>)));
  },
});

const listBuilder = (argv: Argv) => withStore(argv).option('json', json);

const listCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'list',
  describe: 'Images of this node, their size, and whether they are in use',
  builder: listBuilder,
  handler: async (parsed) => {
    const { listImages } = await import('../images/list.ts');
    done(await tellingFaults(() => listImages(context, parsed as Parsed<typeof listBuilder>)));
  },
});

const verifyBuilder = (argv: Argv) =>
  withStore(argv)
    .positional('names', { type: 'string', array: true, describe: 'Images', defaultDescription: 'all' })
    .option('remove', { type: 'boolean', describe: 'Remove what is damaged, so that pull brings it anew' })
    .option('json', json);

const verifyCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'verify [names..]',
  describe: 'Read every file again and compare it with what was stored',
  builder: verifyBuilder,
  handler: async (parsed) => {
    const { verifyImages } = await import('../images/verify.ts');
    done(await tellingFaults(() => verifyImages(context, parsed as Parsed<typeof verifyBuilder>)));
  },
});

const pruneBuilder = (argv: Argv) =>
  withStore(argv)
    .option('keep-unnamed', {
      type: 'string',
      requiresArg: true,
      describe: 'Images without a name stay so long after their last use: 0, 12h, 7d',
      defaultDescription: '7d',
    })
    .option('forget', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Take this name away first, repeatable',
    })
    .option('dry-run', { type: 'boolean', describe: 'Only tell what would go' })
    .option('json', json);

const pruneCommand = ({ context, done }: CommandEnvironment): CommandModule => ({
  command: 'prune',
  describe: 'Remove images that nobody names or uses, and what was left behind',
  builder: pruneBuilder,
  handler: async (parsed) => {
    const { pruneImages } = await import('../images/prune.ts');
    done(await tellingFaults(() => pruneImages(context, parsed as Parsed<typeof pruneBuilder>)));
  },
});
