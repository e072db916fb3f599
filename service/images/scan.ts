import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ImageError } from './image-error.ts';
import type { Compression, ImageLimits } from './manifest.ts';
import { TarEntries, type TarEntry } from './tar-entries.ts';

export interface LayerToScan {
  readonly path: string;
  /** Of the file as it is. */
  readonly digest: string;
  /** Of the archive in it. */
  readonly diffId: string;
  readonly compression: Compression;
  /** Where to write the archive, for compressions that the unpacking tool does not know. */
  readonly plain?: string;
}

export interface ScanResult {
  readonly bytes: number;
  readonly entries: number;
  readonly largestFile: number;
}

const NAME_MAX = 255;
/** The kernel's limit, less the folder in which the image is unpacked. */
const PATH_MAX = 3_840;
const CHUNK = 256 * 1024;

const refused = (why: string, cause?: unknown) => new ImageError('refused', why, { cause });

const shown = (name: Buffer): string => JSON.stringify(name.toString('utf8').slice(0, 200));

const checkName = (name: Buffer): void => {
  if (name.length === 0) throw refused('a layer has a file without a name');
  if (name.includes(0)) throw refused(`a layer has a name with a NUL in it: ${shown(name)}`);
  if (name.length > PATH_MAX) throw refused(`a layer has a path of ${name.length} bytes: ${shown(name)}`);
  for (const part of name.toString('latin1').split('/')) {
    if (part === '..') throw refused(`a layer has a name that leaves its folder: ${shown(name)}`);
    if (part.length > NAME_MAX) throw refused(`a layer has a name of ${part.length} bytes: ${shown(name)}`);
  }
};

/** Counts what all layers together would put on the disk, and refuses at the first entry that is too much. */
const createCounter = (limits: ImageLimits) => {
  let entries = 0;
  let bytes = 0;
  let largestFile = 0;
  const tooBig = () => refused(`unpacked it has more than the ${limits.bytes} bytes that are allowed`);
  return {
    entry({ name, link, size }: TarEntry) {
      checkName(name);
      if (link.length > PATH_MAX || link.includes(0)) throw refused(`a link is not possible: ${shown(name)}`);
      if (++entries > limits.files)
        throw refused(`it has more than the ${limits.files} files that are allowed`);
      largestFile = Math.max(largestFile, size);
      // What the header says is enough: nobody has to read the zeros.
      if (bytes + size > limits.bytes) throw tooBig();
    },
    add(length: number) {
      bytes += length;
      if (bytes > limits.bytes) throw tooBig();
    },
    result: (): ScanResult => ({ bytes, entries, largestFile }),
  };
};

const decompressors: Record<Compression, () => Transform | undefined> = {
  none: () => undefined,
  gzip: () => createGunzip({ chunkSize: CHUNK }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK }),
};

/**
 * Reads every layer as a stream, before anything of it is unpacked.
 * @throws ImageError `refused` or `digest-mismatch` with the reason
 */
export const scanLayers = async (
  layers: readonly LayerToScan[],
  limits: ImageLimits,
  onRead: (bytes: number) => void,
): Promise<ScanResult> => {
  const counter = createCounter(limits);
  for (const layer of layers) await scanLayer(layer, counter, onRead);
  return counter.result();
};

const scanLayer = async (
  layer: LayerToScan,
  counter: ReturnType<typeof createCounter>,
  onRead: (bytes: number) => void,
): Promise<void> => {
  const packed = createHash('sha256');
  const unpacked = createHash('sha256');
  const entries = new TarEntries(counter.entry);
  const source = createReadStream(layer.path, { highWaterMark: CHUNK });
  source.on('data', (chunk) => {
    packed.update(chunk);
    onRead(chunk.length);
  });
  const check = (chunk: Buffer) => {
    counter.add(chunk.length);
    unpacked.update(chunk);
    entries.write(chunk);
  };
  await readThrough(source, layer, check);
  compare('layer', layer.digest, packed.digest('hex'));
  entries.end();
  compare('unpacked layer', layer.diffId, unpacked.digest('hex'));
};

const readThrough = async (
  source: Readable,
  layer: LayerToScan,
  check: (chunk: Buffer) => void,
): Promise<void> => {
  const plain = layer.plain === undefined ? undefined : createWriteStream(layer.plain, { flags: 'wx' });
  const sink = new Writable({
    highWaterMark: 4 * CHUNK,
    write(chunk: Buffer, _encoding, done) {
      try {
        check(chunk);
      } catch (error) {
        return done(error instanceof Error ? error : new Error(String(error)));
      }
      if (plain === undefined || plain.write(chunk)) done();
      else plain.once('drain', () => done());
    },
    final: (done) => (plain === undefined ? done() : plain.end(() => done())),
  });
  plain?.once('error', (error) => sink.destroy(error));
  const decompressor = decompressors[layer.compression]();
  try {
    await (decompressor ? pipeline(source, decompressor, sink) : pipeline(source, sink));
  } catch (error) {
    plain?.destroy();
    if (error instanceof ImageError) throw error;
    throw refused(`a layer cannot be decompressed: ${error instanceof Error ? error.message : error}`, error);
  }
};

const compare = (what: string, stated: string, hex: string): void => {
  if (stated === `sha256:${hex}`) return;
  throw new ImageError(
    'digest-mismatch',
    `the ${what} is not what its digest says: ${stated} is sha256:${hex}`,
  );
};
