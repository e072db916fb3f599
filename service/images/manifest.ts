import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ImageError } from './image-error.ts';
import { digestSchema } from './layout.ts';

/** How much an image may be, before it is unpacked. */
export interface ImageLimits {
  /** Of all layers together, unpacked. */
  readonly bytes: number;
  /** Entries of all layers together. */
  readonly files: number;
  readonly layers: number;
}

export const defaultLimits: ImageLimits = { bytes: 8 * 1024 ** 3, files: 1_000_000, layers: 512 };

const descriptorSchema = z.object({
  mediaType: z.string().default(''),
  digest: digestSchema,
  size: z.int().min(0),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

export const manifestSchema = z.object({
  mediaType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

const listSchema = z.object({
  manifests: z.array(
    descriptorSchema.extend({
      platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
    }),
  ),
});

export const configSchema = z.object({
  architecture: z.string().default(''),
  os: z.string().default(''),
  config: z
    .object({ Env: z.array(z.string()).nullish() })
    .nullish()
    .transform((config) => config ?? {}),
  rootfs: z.object({ diff_ids: z.array(digestSchema) }),
});
export type ImageConfig = z.infer<typeof configSchema>;

const compressions = { tar: 'none', 'tar.gzip': 'gzip', 'tar+gzip': 'gzip', 'tar+zstd': 'zstd' } as const;
export type Compression = (typeof compressions)[keyof typeof compressions];

const layerType =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1|docker\.image\.rootfs\.diff)\.(tar|tar\.gzip|tar\+gzip|tar\+zstd)$/;
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

export const sha256 = (data: Uint8Array): string =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;

const refused = (why: string, cause?: unknown) => new ImageError('refused', why, { cause });

const parseJson = (data: Uint8Array, what: string): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch (cause) {
    throw refused(`its ${what} is not JSON`, cause);
  }
};

/** Checks a document of an image against its shape. */
export const parseDocument = <T>(data: Uint8Array, what: string, schema: z.ZodType<T>): T => {
  const parsed = schema.safeParse(parseJson(data, what));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refused(`its ${what} is not valid: ${issue?.path.join('.')}: ${issue?.message}`, parsed.error);
};

export const compressionOf = (mediaType: string): Compression => {
  const kind = layerType.exec(mediaType)?.[1];
  if (kind === undefined) throw refused(`a layer has the type "${mediaType}", which is not known here`);
  return compressions[kind as keyof typeof compressions];
};

/** Architecture names of Go, which images use. */
export const ociArchitecture = (node: string): string => ({ x64: 'amd64', ia32: '386' })[node] ?? node;

const isList = (document: unknown): boolean =>
  typeof document === 'object' && document !== null && 'manifests' in document;

/**
 * @returns the digest of the image for this architecture where the manifest is a list of several
 * @throws ImageError where there is none
 */
export const chooseFromList = (data: Uint8Array, architecture: string): string | undefined => {
  if (!isList(parseJson(data, 'manifest'))) return undefined;
  const { manifests } = parseDocument(data, 'list of images', listSchema);
  const fitting = manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  );
  if (fitting) return fitting.digest;
  const offered = manifests.flatMap(({ platform }) =>
    platform ? [`${platform.os}/${platform.architecture}`] : [],
  );
  throw refused(
    `there is none of it for linux/${architecture}; there is ${[...new Set(offered)].join(', ') || 'nothing else'}`,
  );
};

/** What can be told before anything is downloaded. */
export const checkManifest = (data: Uint8Array, limits: ImageLimits): Manifest => {
  const manifest = parseDocument(data, 'manifest', manifestSchema);
  if (!configTypes.includes(manifest.config.mediaType)) {
    throw refused(
      `its configuration has the type "${manifest.config.mediaType}": not an image for a container`,
    );
  }
  const { layers } = manifest;
  if (layers.length > limits.layers) {
    throw refused(`it has ${layers.length} layers; ${limits.layers} are allowed`);
  }
  for (const layer of layers) compressionOf(layer.mediaType);
  const bytes = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (bytes > limits.bytes) {
    throw refused(`its layers have ${bytes} bytes packed; ${limits.bytes} are allowed unpacked`);
  }
  return manifest;
};

/** The image's variables, without what is not one. */
export const readEnvironment = (config: ImageConfig): Record<string, string> =>
  Object.fromEntries(
    (config.config.Env ?? []).flatMap((pair) => {
      const at = pair.indexOf('=');
      return at > 0 && !pair.includes('\0') ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
    }),
  );
