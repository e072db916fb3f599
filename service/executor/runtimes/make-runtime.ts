import { createHash } from 'node:crypto';
import { defaultLimits, type Limits, type RuntimeInfo } from '../../contracts/index.ts';
import type { StoredImage } from '../../images/store.ts';
import type { SandboxMaker } from '../sandbox/port.ts';
import type { LoadedManifest } from './load.ts';
import { prepare } from './prepare.ts';
import type { Toolchain } from './probe.ts';
import { planStage, type StagePlan } from './stage-plan.ts';

/** A runtime that can be used now. */
export interface Runtime {
  readonly info: RuntimeInfo;
  /** Changes with all that its stages are made from: manifest, programs beside it, toolchain, what was prepared. */
  readonly identity: string;
  readonly extensions: readonly string[];
  readonly compile?: StagePlan & { readonly artifacts: readonly string[]; readonly limits: Partial<Limits> };
  readonly run: StagePlan;
  /** File in the working folder that a run leaves its result sets in. */
  readonly resultSets?: string | undefined;
}

export interface MakingRuntimes {
  readonly cacheFolder: string;
  readonly forkServers: boolean;
  readonly maker: SandboxMaker;
}

/** A manifest, what it was found to be run with, and the image that this is in, if it is. */
export interface Found {
  readonly loaded: LoadedManifest;
  readonly toolchain: Toolchain;
  readonly image: StoredImage | undefined;
}

/** @param reason why it is not available */
export const infoOf = (
  { manifest }: LoadedManifest,
  toolchain: Toolchain | undefined,
  image: StoredImage | undefined,
  reason?: string,
): RuntimeInfo => ({
  name: manifest.name,
  title: manifest.title,
  version: toolchain?.version ?? manifest.version ?? '0',
  aliases: manifest.aliases,
  extensions: manifest.extensions,
  fileName: manifest.fileName,
  available: reason === undefined,
  reason,
  toolchain: toolchain?.said,
  image: image?.digest,
  compiled: manifest.compile !== undefined,
  startedAhead: manifest.run.warm !== undefined || manifest.compile?.warm !== undefined,
  limits: { ...defaultLimits, ...manifest.limits },
  capabilities: manifest.capabilities,
});

/** Prepares what the manifest wants prepared, and plans its stages. @throws where the preparation fails */
export const makeRuntime = async (
  { loaded, toolchain, image }: Found,
  info: RuntimeInfo,
  { cacheFolder, forkServers, maker }: MakingRuntimes,
): Promise<Runtime> => {
  const { manifest, folder, digest } = loaded;
  const prepared = await prepare(loaded, toolchain, info.limits, image, maker, cacheFolder);
  const source = { manifest, folder, toolchain, image, prepared, limits: info.limits, forkServers };
  const { compile } = manifest;
  return {
    info,
    identity: createHash('sha256')
      .update(JSON.stringify([digest, toolchain, prepared, image?.digest]))
      .digest('hex'),
    extensions: manifest.extensions,
    run: planStage(source, manifest.run),
    resultSets: manifest.run.resultSets,
    compile: compile && {
      ...planStage({ ...source, limits: { ...info.limits, ...compile.limits } }, compile),
      artifacts: compile.artifacts,
      limits: compile.limits,
    },
  };
};
