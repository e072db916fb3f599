import { isUtf8 } from 'node:buffer';
import type { Encoding } from '../contracts/index.ts';

/** Bytes as they travel: text where they are valid UTF-8, base64 otherwise. */
export const toWire = (bytes: Buffer): { content: string; encoding: Encoding } =>
  isUtf8(bytes)
    ? { content: bytes.toString('utf8'), encoding: 'utf8' }
    : { content: bytes.toString('base64'), encoding: 'base64' };

/** Length of the start of a UTF-8 character that a cut has left at the end, 0 to 3. */
const brokenTail = (bytes: Buffer): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    // Only these start a character: of the others nothing can come, so they hold nothing back.
    if (byte >= 0xc2 && byte <= 0xf4) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
    if (byte < 0x80 || byte >= 0xc0) return 0;
  }
  return 0;
};

/** The same for output that we cut at its limit: a character that our own cut has broken is left out. */
export const truncatedToWire = (bytes: Buffer): { content: string; encoding: Encoding } => {
  const whole = bytes.subarray(0, bytes.length - brokenTail(bytes));
  return isUtf8(whole) ? toWire(whole) : toWire(bytes);
};

/** Collects one stream up to its limit. */
export interface Capture {
  /** Returns the part within the limit. */
  add(chunk: Buffer): Buffer;
  readonly over: boolean;
  bytes(): Buffer;
}

export const createCapture = (limit: number): Capture => {
  const chunks: Buffer[] = [];
  let size = 0;
  let over = false;
  return {
    add(chunk) {
      const kept = size + chunk.length > limit ? chunk.subarray(0, limit - size) : chunk;
      if (kept.length < chunk.length) over = true;
      size += kept.length;
      if (kept.length > 0) chunks.push(kept);
      return kept;
    },
    get over() {
      return over;
    },
    bytes: () => (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)),
  };
};

/**
 * Cuts a stream of chunks into pieces for the wire: text that never ends inside a character. A piece that is not UTF-8
 * goes as base64, whole, and what follows is judged anew.
 */
export const createPieces = (emit: (piece: { content: string; encoding: Encoding }) => void) => {
  let pending = Buffer.alloc(0);
  return {
    add(chunk: Buffer): void {
      const bytes = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
      const tail = brokenTail(bytes);
      const whole = bytes.subarray(0, bytes.length - tail);
      pending = Buffer.from(bytes.subarray(bytes.length - tail));
      if (whole.length > 0) emit(toWire(whole));
    },
    end(): void {
      if (pending.length > 0) emit(toWire(pending));
      pending = Buffer.alloc(0);
    },
  };
};
