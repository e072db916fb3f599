import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

/** Images made from nothing, also such as no honest tool makes. */
export interface TarMember {
  readonly name: string;
  /** The letter of the format: 0 file, 1 hard link, 2 link, 3 and 4 devices, 5 folder, 6 FIFO. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** What the header claims, if it is not the length of the content. */
  readonly size?: number;
  /** Attributes of the POSIX format, which come before the header. */
  readonly attributes?: Readonly<Record<string, string>>;
}

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

const padTo512 = (data: Buffer): Buffer =>
  Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

const header = (member: TarMember, size: number): Buffer => {
  const block = Buffer.alloc(512);
  block.write(member.name, 0, 100, 'latin1');
  block.write(octal(member.mode ?? 0o644, 8), 100, 'latin1');
  block.write(octal(0, 8) + octal(0, 8), 108, 'latin1');
  block.write(octal(size, 12), 124, 'latin1');
  block.write(octal(member.mtime ?? 1_700_000_000, 12), 136, 'latin1');
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(member.type ?? '0', 156, 'latin1');
  block.write(member.link ?? '', 157, 100, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write(octal(1, 8) + octal(3, 8), 329, 'latin1');
  block.write(
    octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
    'latin1',
  );
  return block;
};

const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const own = Buffer.byteLength(rest);
  let length = own;
  // The length counts its own digits.
  while (String(length).length + own !== length) length = String(length).length + own;
  return `${length}${rest}`;
};

const encode = (member: TarMember): Buffer => {
  const content = Buffer.from(member.content ?? '');
  const main = Buffer.concat([header(member, member.size ?? content.length), padTo512(content)]);
  if (member.attributes === undefined) return main;
  const text = Buffer.from(
    Object.entries(member.attributes)
      .map(([key, value]) => record(key, value))
      .join(''),
  );
  return Buffer.concat([header({ name: 'pax', type: 'x' }, text.length), padTo512(text), main]);
};

export const makeTar = (members: readonly TarMember[]): Buffer =>
  Buffer.concat([...members.map(encode), Buffer.alloc(1_024)]);

export const digestOf = (data: Uint8Array): string =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;

export interface LayerData {
  readonly tar: Buffer;
  readonly data: Buffer;
  readonly mediaType: string;
}

const prefix = 'application/vnd.oci.image.layer.v1.tar';

export const makeLayer = (
  members: readonly TarMember[] | Buffer,
  compression: 'none' | 'gzip' | 'zstd' = 'gzip',
): LayerData => {
  const tar = Buffer.isBuffer(members) ? members : makeTar(members);
  if (compression === 'none') return { tar, data: tar, mediaType: prefix };
  return compression === 'gzip'
    ? { tar, data: gzipSync(tar), mediaType: `${prefix}+gzip` }
    : { tar, data: zstdCompressSync(tar), mediaType: `${prefix}+zstd` };
};

export interface ImageParts {
  readonly layers: readonly LayerData[];
  readonly env?: readonly string[];
  readonly architecture?: string;
  /** What the configuration says of the layers, if not the truth. */
  readonly diffIds?: readonly string[];
}

export const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/**
 * Writes an OCI layout with one image in it, tagged `latest`.
 * @returns the digest of its manifest
 */
export const writeLayout = (folder: string, parts: ImageParts): string => {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (data: Buffer, mediaType: string) => {
    const digest = digestOf(data);
    writeFileSync(join(folder, 'blobs/sha256', digest.slice(7)), data);
    return { mediaType, digest, size: data.length };
  };
  const putJson = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const config = putJson(
    {
      architecture: parts.architecture ?? architecture,
      os: 'linux',
      config: { Env: parts.env ?? ['PATH=/usr/bin:/bin', 'COLOUR=blue'] },
      rootfs: { type: 'layers', diff_ids: parts.diffIds ?? parts.layers.map((layer) => digestOf(layer.tar)) },
    },
    'application/vnd.oci.image.config.v1+json',
  );
  const layers = parts.layers.map((layer) => put(layer.data, layer.mediaType));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = putJson({ schemaVersion: 2, mediaType, config, layers }, mediaType);
  writeIndex(folder, manifest);
  return manifest.digest;
};

export interface ListedImage {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const writeIndex = (folder: string, image: ListedImage): void => {
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...image, annotations }] }),
  );
};

/** Makes the layout's one image a list that has it for one architecture. */
export const wrapInList = (folder: string, digest: string, size: number, forArchitecture: string): string => {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const platform = { os: 'linux', architecture: forArchitecture };
  const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size, platform };
  const data = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [manifest] }));
  const list = { mediaType, digest: digestOf(data), size: data.length };
  writeFileSync(join(folder, 'blobs/sha256', list.digest.slice(7)), data);
  writeIndex(folder, list);
  return list.digest;
};
