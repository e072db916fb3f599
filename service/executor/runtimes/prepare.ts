import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import type { Limits } from '../../contracts/index.ts';
import type { StoredImage } from '../../images/store.ts';
import type { SandboxMaker } from '../sandbox/port.ts';
import type { LoadedManifest } from './load.ts';
import type { Toolchain } from './probe.ts';
import { planStage, RUNTIME_INSIDE, withKey } from './stage-plan.ts';

const MEBIBYTE = 1024 * 1024;
const MAX_PREPARED_FILES = 20_000;
const KEPT_UNUSED_MS = 14 * 24 * 3_600_000;
/** Raised when the way of preparing changes, so that older results are made again. */
const FORMAT = 2;

/** Results of older toolchains or manifests: whoever uses one still touches it at each start. */
const prune = (folder: string, family: string): void => {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    if (!name.startsWith(family) || Date.now() - statSync(path).mtimeMs < KEPT_UNUSED_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
};

/**
 * Runs a manifest's preparation once for a toolchain and keeps what it leaves, in a folder named after everything that
 * goes in. It runs in a sandbox like any program: a toolchain is trusted no more than that.
 * @returns the folder, or undefined where the manifest prepares nothing
 * @throws where it fails, with its last words
 */
export const prepare = async (
  { manifest, folder, digest }: LoadedManifest,
  toolchain: Toolchain,
  limits: Limits,
  image: StoredImage | undefined,
  maker: SandboxMaker,
  cacheFolder: string,
): Promise<string | undefined> => {
  const { prepare: preparation } = manifest;
  if (!preparation) return undefined;
  const key = createHash('sha256')
    .update(JSON.stringify([FORMAT, digest, toolchain.said, toolchain.path, toolchain.root, image?.digest]))
    .digest('hex')
    .slice(0, 24);
  const family = `${manifest.name.replace(/[^a-z0-9]/g, 'x')}-`;
  const result = `${cacheFolder}/prepared/${family}${key}`;
  if (existsSync(result)) {
    const now = new Date();
    utimesSync(result, now, now);
    return result;
  }

  const own: Limits = {
    ...limits,
    memoryMb: preparation.memoryMb,
    scratchMb: preparation.sizeMb,
    scratchFiles: MAX_PREPARED_FILES,
    fileMb: preparation.sizeMb,
    processes: 256,
    cpus: 4,
    openFiles: 1_024,
    cpuMs: preparation.timeoutMs * 4,
  };
  // Once in a toolchain's life: not worth a fork server.
  const source = { manifest, folder, toolchain, image, prepared: undefined, limits: own, forkServers: false };
  // Naming the runtime's folder shows everything; its result has the path it will be used under.
  const plan = planStage(source, { command: [RUNTIME_INSIDE], env: {} });
  const spec = withKey({ ...plan.spec, links: { prepared: '/work' } });
  const sandbox = await maker.create(spec);
  try {
    const command = planStage(source, { command: preparation.command, env: {} }).command;
    const ended = await sandbox.go({
      command,
      entry: '',
      args: [],
      env: plan.env,
      stdin: new Uint8Array(),
      limits: own,
      wallMs: preparation.timeoutMs,
    });
    if (ended.reason !== 'exit' || ended.exitCode !== 0) {
      const words = Buffer.concat([ended.stdout, ended.stderr]).toString('utf8').trim().slice(-2_000);
      throw new Error(
        `the preparation failed (${ended.outOfMemory ? 'out of memory' : ended.reason}, exit ${ended.exitCode}): ${words}`,
      );
    }
    const fresh = `${result}.${randomUUID()}`;
    mkdirSync(fresh, { recursive: true, mode: 0o755 });
    await sandbox.copyTo(fresh, { maxFiles: MAX_PREPARED_FILES, maxBytes: preparation.sizeMb * MEBIBYTE });
    try {
      renameSync(fresh, result);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      if (!existsSync(result)) throw error; // otherwise another executor was faster: the same result
    }
    prune(`${cacheFolder}/prepared`, family);
    return result;
  } finally {
    await sandbox.destroy();
  }
};
