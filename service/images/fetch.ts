import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError, type ImageErrorCode, isMissing } from './image-error.ts';
import { hexOf } from './layout.ts';
import { type Descriptor, sha256 } from './manifest.ts';
import { type ImageReference, isLoopback, transportAddress } from './reference.ts';
import { type Environment, runTool } from './tool.ts';

export interface FetchOptions {
  /** Credentials and mirrors are skopeo's own: REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF, HOME. */
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** Nothing of a download for so long means that the other side is gone. */
const STALLED_MS = 120_000;
const POLL_MS = 200;

/** What skopeo says, and what it means. The first that fits. */
const meanings: readonly (readonly [RegExp, ImageErrorCode, string])[] = [
  [
    /does not match provided manifest digest|digest did not match|Digest did not match/i,
    'digest-mismatch',
    'what came is not what the digest says',
  ],
  [
    /unauthorized|authentication required|denied|invalid username\/password/i,
    'unauthorized',
    'the registry does not let us in: log in with skopeo login, or name an auth file (REGISTRY_AUTH_FILE)',
  ],
  [
    /manifest unknown|name unknown|not found|does not exist|no such (?:file|image)|no descriptor found|identifier is not an image/i,
    'not-found',
    'there is no such image',
  ],
  [
    /unexpected end of JSON|invalid character '|cannot unmarshal/,
    'refused',
    'what came is not what images look like',
  ],
  [
    /no such host|connection refused|timeout|i\/o timeout|unexpected EOF|connection reset|EOF|server misbehaving|no route/i,
    'unreachable',
    'the registry could not be reached, or broke off',
  ],
  [
    /policy\.json/,
    'failed',
    'skopeo has no /etc/containers/policy.json: apt-get install golang-github-containers-common',
  ],
];

/** The last thing that skopeo says, without its time and level. */
const lastWords = (stderr: string): string => {
  const line = stderr.trimEnd().split('\n').at(-1) ?? '';
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return (message ?? line).replaceAll('\\"', '"').slice(0, 600);
};

const failure = (stderr: string): ImageError => {
  const words = lastWords(stderr);
  const [, code, meaning] = meanings.find(([pattern]) => pattern.test(words)) ?? [
    undefined,
    'failed' as const,
    'skopeo could not get it',
  ];
  return new ImageError(code, `${meaning} (${words})`);
};

const sourceOptions = (reference: ImageReference, flag: string): string[] =>
  reference.kind === 'registry' && isLoopback(reference.host) ? [`--${flag}=false`] : [];

/** Other tools of the family read the variable themselves. */
const globalOptions = (env: Environment): string[] =>
  env.CONTAINERS_REGISTRIES_CONF ? ['--registries-conf', env.CONTAINERS_REGISTRIES_CONF] : [];

/** A manifest is a few kilobytes: a registry that takes longer is as good as gone. */
const MANIFEST_MS = 20_000;

/** The manifest of an image, as the registry has it, byte by byte. */
export const fetchManifest = async (reference: ImageReference, options: FetchOptions): Promise<Buffer> => {
  const args = [
    ...globalOptions(options.env),
    'inspect',
    '--raw',
    ...sourceOptions(reference, 'tls-verify'),
    transportAddress(reference),
  ];
  const timeout = AbortSignal.timeout(MANIFEST_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const answer = await runTool('skopeo', args, { ...options, signal, diesWithUs: true });
    if (!answer.ok) throw failure(answer.stderr);
    return answer.stdout;
  } catch (error) {
    if (!timeout.aborted || options.signal?.aborted) throw error;
    const why = `the registry has not answered for ${MANIFEST_MS / 1_000} seconds`;
    throw new ImageError('unreachable', why, { cause: error });
  }
};

/** The manifest of one image of a list. */
export const fetchChild = async (
  reference: ImageReference,
  digest: string,
  options: FetchOptions,
): Promise<Buffer> => {
  const data =
    reference.kind === 'registry'
      ? await fetchManifest({ ...reference, digest }, options)
      : await readBlob(reference, digest);
  if (sha256(data) === digest) return data;
  throw new ImageError('digest-mismatch', 'its list promises another image');
};

const readBlob = (reference: ImageReference, digest: string): Buffer => {
  if (reference.kind !== 'layout') throw new ImageError('failed', 'what was built is a list of images');
  try {
    return readFileSync(join(reference.folder, 'blobs/sha256', hexOf(digest)));
  } catch (cause) {
    throw new ImageError('not-found', 'the image of its list is missing', { cause });
  }
};

const sizeOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Bytes that are here: finished blobs of the image, and what skopeo is writing. */
const countBytes = (blobs: string, layout: string, wanted: readonly Descriptor[]): number => {
  let bytes = 0;
  for (const blob of new Map(wanted.map((one) => [one.digest, one])).values()) {
    if (existsSync(join(blobs, 'sha256', hexOf(blob.digest)))) bytes += blob.size;
  }
  try {
    for (const name of readdirSync(layout))
      if (name.startsWith('oci-put-blob')) bytes += sizeOf(join(layout, name));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return bytes;
};

export interface DownloadOrder {
  readonly reference: ImageReference;
  /** The OCI layout that comes to be. Its blobs lie in the other folder. */
  readonly layout: string;
  readonly blobs: string;
  readonly wanted: readonly Descriptor[];
  readonly architecture: string;
}

/**
 * Copies an image into an OCI layout, tagged `image`. Blobs that are complete stay when it breaks off, and are not
 * fetched again.
 */
export const download = async (
  order: DownloadOrder,
  options: FetchOptions & { readonly onBytes: (bytes: number) => void },
): Promise<void> => {
  const stalled = new AbortController();
  let last = { bytes: -1, at: performance.now() };
  const timer = setInterval(() => {
    const bytes = countBytes(order.blobs, order.layout, order.wanted);
    if (bytes !== last.bytes) last = { bytes, at: performance.now() };
    else if (performance.now() - last.at > STALLED_MS) {
      stalled.abort(new ImageError('unreachable', 'nothing came for 2 minutes'));
    }
    options.onBytes(bytes);
  }, POLL_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  const args = [
    ...globalOptions(options.env),
    ...['--override-os', 'linux', '--override-arch', order.architecture],
    ...['copy', '--quiet', ...sourceOptions(order.reference, 'src-tls-verify')],
    // Built images come as plain archives: packing them only to unpack them takes longer than all the rest.
    ...['--dest-oci-accept-uncompressed-layers', '--dest-shared-blob-dir', order.blobs],
    ...[transportAddress(order.reference), `oci:${order.layout}:image`],
  ];
  try {
    const answer = await runTool('skopeo', args, { env: options.env, signal, diesWithUs: true });
    if (!answer.ok) throw failure(answer.stderr);
  } finally {
    clearInterval(timer);
  }
};
