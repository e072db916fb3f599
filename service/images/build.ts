import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageError, isMissing } from './image-error.ts';
import { isDigest, isImageName } from './layout.ts';
import { isLoopback } from './reference.ts';
import { type Environment, runTool, type ToolOptions } from './tool.ts';

export interface BuildOrder {
  readonly name: string;
  /** The folder images/: NAME/Containerfile is in it, and all that it copies. */
  readonly images: string;
  /** For `ARG BASE`; what the Containerfile says if it is missing. */
  readonly base?: string | undefined;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}

/** Debian's bundle of certificate authorities, to which administrators add those of their own network. */
const authorities = '/etc/ssl/certs/ca-certificates.crt';

/** What an image that was built is called in buildah's storage on this machine. */
export const builtName = (name: string): string => `localhost/paddock/${name}`;

/** All that can be built, sorted. */
export const listBuildable = (images: string): string[] => {
  try {
    return readdirSync(images)
      .filter((name) => isImageName(name) && existsSync(join(images, name, 'Containerfile')))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

const errorLine = (stderr: string): string =>
  stderr
    .trimEnd()
    .split('\n')
    .findLast((line) => line.trim() !== '') ?? 'buildah says nothing';

/**
 * Builds an image into buildah's own storage, in which equal steps of all images are done once.
 * @throws ImageError with buildah's last words
 */
export const buildImage = async (order: BuildOrder): Promise<void> => {
  const file = join(order.images, order.name, 'Containerfile');
  if (!isImageName(order.name) || !existsSync(file)) {
    throw new ImageError('not-found', `there is no ${file}`);
  }
  const args = [
    // chroot asks for no cgroups and no OCI runtime: it works as root, in containers, and on every cgroup version.
    ...['bud', '--isolation', 'chroot', '--layers'],
    // For steps that fetch from npm or Go's proxy on a network with an authority of its own; no layer holds a secret.
    ...(existsSync(authorities) ? ['--secret', `id=ca,src=${authorities}`] : []),
    ...(order.base === undefined ? [] : ['--build-arg', `BASE=${order.base}`]),
    ...['--tag', builtName(order.name), '-f', file, order.images],
  ];
  const answer = await runTool('buildah', args, order);
  if (!answer.ok) throw new ImageError('failed', `${order.name} was not built: ${errorLine(answer.stderr)}`);
};

/**
 * Puts a built image into a registry, as REGISTRY/NAME:latest.
 * @returns its digest there
 */
export const pushImage = async (
  name: string,
  registry: string,
  options: ToolOptions,
): Promise<{ digest: string; reference: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-push-'));
  try {
    const digestFile = join(folder, 'digest');
    const repository = `${registry.replace(/\/$/, '')}/${name}`;
    const plain = isLoopback(repository.split('/')[0] ?? '') ? ['--dest-tls-verify=false'] : [];
    const to = `docker://${repository}:latest`;
    const from = `containers-storage:${builtName(name)}`;
    const args = ['copy', '--quiet', '--digestfile', digestFile, ...plain, from, to];
    const answer = await runTool('skopeo', args, { ...options, diesWithUs: true });
    if (!answer.ok) throw new ImageError('failed', `${repository}: not pushed: ${errorLine(answer.stderr)}`);
    const digest = readFileSync(digestFile, 'utf8').trim();
    if (!isDigest(digest)) throw new ImageError('failed', `${repository}: skopeo tells no digest`);
    return { digest, reference: `${repository}@${digest}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
