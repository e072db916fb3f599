import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Limits, RuntimeManifest } from '../../contracts/index.ts';
import type { SandboxSpec, ShownPath } from '../sandbox/port.ts';
import type { Toolchain } from './probe.ts';
import { isBelow, NODE_INSIDE } from './surroundings.ts';

export const RUNTIME_INSIDE = '/opt/paddock/runtime';
export const PREPARED_INSIDE = '/opt/paddock/prepared';

/** What every program finds, whatever its runtime adds. */
export const baseEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/work',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
};

/** How one stage of a runtime is made and started. */
export interface StagePlan {
  readonly spec: SandboxSpec;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly warm: { readonly memoryMb: number; readonly startMs: number } | undefined;
}

export interface StageSource {
  readonly manifest: RuntimeManifest;
  readonly folder: string;
  readonly toolchain: Toolchain;
  /** Whose root the sandboxes have; undefined: the host's. */
  readonly image: { readonly root: string; readonly env: Readonly<Record<string, string>> } | undefined;
  /** Folder on the host with what the preparation left; undefined where there is none. */
  readonly prepared: string | undefined;
  readonly limits: Limits;
  /** false: as if every manifest said `sandboxes: single`. */
  readonly forkServers: boolean;
}

type StageCommand = Pick<RuntimeManifest['run'], 'command' | 'env' | 'warm'>;

/** What every stage may show; `mentions` keeps sandboxes alike that need none of it, so that they can be shared. */
const shownPaths = (source: StageSource, stage: StageCommand): ShownPath[] => {
  const text = JSON.stringify([stage, source.manifest.env]);
  const all = text.includes(RUNTIME_INSIDE);
  const mentions = (...words: string[]): boolean => all || words.some((word) => text.includes(word));
  const { toolchain, manifest } = source;
  const shown: ShownPath[] = [];
  if (all) shown.push({ source: source.folder, target: RUNTIME_INSIDE });
  for (const name of manifest.shares) {
    const target = `/opt/paddock/${name}`;
    if (mentions(target)) shown.push({ source: `${dirname(source.folder)}/${name}`, target });
  }
  if (source.prepared && mentions(PREPARED_INSIDE))
    shown.push({ source: source.prepared, target: PREPARED_INSIDE });
  // An image is the whole root: nothing of the host belongs in there.
  if (source.image) return shown;
  if (toolchain.inside === NODE_INSIDE && mentions('{toolchain}')) {
    shown.push({ source: toolchain.path, target: NODE_INSIDE });
  }
  if (toolchain.root && !isBelow(toolchain.root, '/usr') && mentions('{toolchain}', '{toolchainRoot}')) {
    shown.push({ source: toolchain.root, target: toolchain.root });
  }
  for (const path of manifest.mounts) if (existsSync(path)) shown.push({ source: path, target: path });
  return shown;
};

/** The same sandbox with another size of scratch space, which is set when it is made. */
export const resized = (spec: SandboxSpec, limits: Limits): SandboxSpec => {
  const { key: _key, forked, ...rest } = spec;
  return withKey({ ...rest, limits }, forked);
};

/** How a warm command is told what to import ahead. */
const preloads = ({ preload }: NonNullable<StageCommand['warm']>): Record<string, string> =>
  preload.length > 0 ? { PADDOCK_PRELOAD: preload.join(' ') } : {};

const fill = (text: string, toolchain: Toolchain): string =>
  text.replace(/\{toolchain(Root)?\}/g, (_, root) => (root ? (toolchain.root ?? '/usr') : toolchain.inside));

const keyOf = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

type KeylessSpec = Omit<SandboxSpec, 'key' | 'forked'>;

/** @param way where it can be forked; of a fork server only what it shows counts, and what it has started */
export const withKey = (spec: KeylessSpec, way?: { readonly interpreter: boolean }): SandboxSpec => {
  const { root, shown, links, warmCommand, env, limits } = spec;
  const forked = way && {
    interpreter: way.interpreter,
    key: way.interpreter ? keyOf(root, shown, links, warmCommand, env) : keyOf(root, shown, links),
  };
  const key = keyOf(root, shown, links, warmCommand, env, limits.scratchMb, limits.scratchFiles, forked);
  return { ...spec, forked, key };
};

/** The plan of a stage: placeholders of the toolchain filled in, those of a request left for `commandFor`. */
export const planStage = (source: StageSource, stage: StageCommand): StagePlan => {
  const { toolchain, manifest, image } = source;
  const filled = (...parts: Readonly<Record<string, string>>[]): Record<string, string> =>
    Object.fromEntries(
      Object.entries(Object.assign({}, ...parts) as Record<string, string>).map(([name, value]) => [
        name,
        fill(value, toolchain),
      ]),
    );
  const ownEnv = filled(baseEnv, manifest.env, stage.env);
  const env = { ...filled(baseEnv), ...image?.env, ...filled(manifest.env, stage.env) };
  return {
    env,
    command: stage.command.map((part) => fill(part, toolchain)),
    warm: stage.warm,
    spec: withKey(
      {
        root: image?.root,
        shown: shownPaths(source, stage),
        warmCommand: stage.warm?.command.map((part) => fill(part, toolchain)),
        // A sandbox that starts nothing ahead gets its environment with the program, so all of them are alike. What an
        // image says comes with the program alone: this is bubblewrap's too, on the host, where a variable such as
        // LD_PRELOAD would name the image's own files outside of any sandbox.
        env: stage.warm ? { ...ownEnv, ...preloads(stage.warm) } : baseEnv,
        limits: source.limits,
      },
      source.forkServers && manifest.sandboxes === 'forked'
        ? { interpreter: stage.warm?.forks ?? false }
        : undefined,
    ),
  };
};

const stem = (name: string): string => name.replace(/\.[^./]*$/, '');

/** Compilers and interpreters would take a name that starts like an option, or like @file, for one. */
export const asPath = (name: string): string => (/^[-@+]/.test(name) ? `./${name}` : name);

/** The command for one request. `{sources}` as a whole argument becomes one argument for each source file. */
export const commandFor = (
  command: readonly string[],
  entry: string,
  fileNames: readonly string[],
  extensions: readonly string[],
): string[] =>
  command.flatMap((part) => {
    if (part === '{sources}') {
      const sources = fileNames.filter((name) => extensions.some((extension) => name.endsWith(extension)));
      // The entry counts as a source whatever it is called: the caller said so. A leading dash is no option.
      return [...new Set([entry, ...sources])].map((name) => `./${name}`);
    }
    // A function, because a name may hold what a replacement text would interpret, and placeholders too.
    return [part.replace(/\{entry(Stem)?\}/g, (_, isStem) => asPath(isStem ? stem(entry) : entry))];
  });
