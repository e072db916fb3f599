import { ImageError } from './image-error.ts';

export type TarEntryType = 'file' | 'hard-link' | 'symlink' | 'device' | 'folder' | 'fifo';

export interface TarEntry {
  readonly type: TarEntryType;
  readonly name: Buffer;
  readonly link: Buffer;
  /** Of the content that follows. */
  readonly size: number;
}

const BLOCK = 512;
/** Of one long name or set of attributes: longer than any path may be, and small enough to hold in memory. */
const META_LIMIT = 1024 ** 2;

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'folder',
  '6': 'fifo',
  '7': 'file',
};

const refused = (why: string) => new ImageError('refused', why);

/**
 * Reads the headers of a tar archive that comes in pieces, and skips the contents. Archives that readers understand
 * differently are refused: what is checked here must be what is unpacked afterwards. Libraries buffer a long name of
 * any length in memory, so this one is ours.
 */
export class TarEntries {
  readonly #onEntry: (entry: TarEntry) => void;
  #block = Buffer.alloc(BLOCK);
  #filled = 0;
  #skip = 0;
  /** What is read of a long name or of attributes, and what it is for. */
  #meta: { type: string; size: number; parts: Buffer[]; missing: number } | undefined;
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #size: number | undefined;
  #zeroBlocks = 0;

  constructor(onEntry: (entry: TarEntry) => void) {
    this.#onEntry = onEntry;
  }

  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#zeroBlocks < 2) {
      const left = chunk.length - at;
      if (this.#meta !== undefined && this.#meta.missing > 0) {
        const taken = Math.min(left, this.#meta.missing);
        this.#meta.parts.push(Buffer.from(chunk.subarray(at, at + taken)));
        this.#meta.missing -= taken;
        at += taken;
        if (this.#meta.missing === 0) this.#finishMeta(this.#meta);
      } else if (this.#skip > 0) {
        const taken = Math.min(left, this.#skip);
        this.#skip -= taken;
        at += taken;
      } else {
        const taken = Math.min(left, BLOCK - this.#filled);
        chunk.copy(this.#block, this.#filled, at, at + taken);
        this.#filled += taken;
        at += taken;
        if (this.#filled === BLOCK) this.#readHeader();
      }
    }
  }

  /** @throws ImageError where the archive breaks off */
  end(): void {
    const isInside = this.#skip > 0 || this.#filled > 0 || this.#meta !== undefined;
    if (this.#zeroBlocks < 2 && isInside) throw refused('a layer breaks off in the middle');
  }

  #readHeader(): void {
    this.#filled = 0;
    const block = this.#block;
    if (block.every((byte) => byte === 0)) {
      this.#zeroBlocks++;
      return;
    }
    this.#zeroBlocks = 0;
    checkSum(block);
    const flag = String.fromCharCode(block[156] ?? 0);
    const size = readNumber(block, 124, 12);
    if ('xgLK'.includes(flag)) {
      this.#startMeta(flag, size);
      return;
    }
    const type = types[flag];
    if (flag === 'S') throw refused('a layer has a sparse file, whose size cannot be told ahead');
    if (type === undefined) throw refused(`a layer has an entry of the unknown type ${JSON.stringify(flag)}`);
    const content = type === 'file' ? (this.#size ?? size) : 0;
    this.#onEntry({
      type,
      name: this.#longName ?? headerName(block),
      link: this.#longLink ?? textField(block, 157, 100),
      size: content,
    });
    this.#longName = this.#longLink = this.#size = undefined;
    this.#skip = padded(content);
  }

  #startMeta(type: string, size: number): void {
    if (size > META_LIMIT) throw refused(`a layer has a name or attributes of ${size} bytes`);
    this.#meta = { type, size, parts: [], missing: size };
    if (size === 0) this.#finishMeta(this.#meta);
  }

  #finishMeta(meta: { type: string; size: number; parts: Buffer[] }): void {
    this.#meta = undefined;
    this.#skip = padded(meta.size) - meta.size;
    const data = Buffer.concat(meta.parts);
    if (meta.type === 'L') this.#longName = untilNul(data);
    else if (meta.type === 'K') this.#longLink = untilNul(data);
    else this.#readAttributes(data, meta.type === 'g');
  }

  #readAttributes(data: Buffer, isGlobal: boolean): void {
    for (const [key, value] of attributes(data)) {
      if (key.startsWith('GNU.sparse.')) {
        throw refused('a layer has a sparse file, whose size cannot be told ahead');
      }
      if (!['path', 'linkpath', 'size'].includes(key)) continue;
      if (isGlobal) throw refused(`a layer sets the ${key} of all its files at once`);
      if (key === 'path') this.#longName = value;
      else if (key === 'linkpath') this.#longLink = value;
      else this.#size = decimal(value.toString('latin1'));
    }
  }
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

const untilNul = (data: Buffer): Buffer => {
  const end = data.indexOf(0);
  return Buffer.from(end < 0 ? data : data.subarray(0, end));
};

const textField = (block: Buffer, at: number, length: number): Buffer =>
  untilNul(block.subarray(at, at + length));

const headerName = (block: Buffer): Buffer => {
  const name = textField(block, 0, 100);
  const prefix = textField(block, 345, 155);
  // GNU's own format has other things where POSIX has the first part of a long name.
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  return isPosix && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name;
};

const decimal = (text: string): number => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw refused('a layer has a file whose size is not a number');
  return value;
};

/** Octal digits, or with its first bit set a binary number. */
const readNumber = (block: Buffer, at: number, length: number): number => {
  const field = block.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const high = field.subarray(1, length - 6);
    const value = field.readUIntBE(length - 6, 6);
    if ((field[0] ?? 0) !== 0x80 || high.some((byte) => byte !== 0) || !Number.isSafeInteger(value)) {
      throw refused('a layer has a file whose size is not a number');
    }
    return value;
  }
  const text = untilNul(field).toString('latin1').trim();
  if (!/^[0-7]*$/.test(text)) throw refused('a layer has a file whose size is not a number');
  return text === '' ? 0 : Number.parseInt(text, 8);
};

const checkSum = (block: Buffer): void => {
  const stated = readNumber(block, 148, 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (sum !== stated) throw refused('a layer is not a tar archive, or is damaged');
};

/** Records of the form `LENGTH KEY=VALUE\n`, where a value may hold any bytes. */
function* attributes(data: Buffer): Generator<[string, Buffer]> {
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? 0 : decimal(data.toString('latin1', at, space));
    const equals = data.indexOf(0x3d, space);
    const end = at + length;
    if (length < 5 || end > data.length || equals < 0 || equals >= end || data[end - 1] !== 0x0a) {
      throw refused('a layer has attributes that cannot be read');
    }
    yield [data.toString('latin1', space + 1, equals), Buffer.from(data.subarray(equals + 1, end - 1))];
    at = end;
  }
}
