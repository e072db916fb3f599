/*
 * What the executor and its launcher say to each other, in both directions: 4 bytes length of the payload, 1 byte kind,
 * 4 bytes number of the sandbox, little-endian, and the payload (native/paddock-launch.c).
 */
const HEADER = 9;

/** @param kind one ASCII letter */
export const frame = (kind: string, id: number, payload: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt8(kind.charCodeAt(0), 4);
  bytes.writeUInt32LE(id, 5);
  payload.copy(bytes, HEADER);
  return bytes;
};

type OnFrame = (kind: string, id: number, payload: Buffer) => void;

/** Cuts a stream of chunks into frames. @returns a function to call with each chunk */
export const createFrameReader = (onFrame: OnFrame): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const end = at + HEADER + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      onFrame(
        String.fromCharCode(bytes[at + 4] ?? 0),
        bytes.readUInt32LE(at + 5),
        bytes.subarray(at + HEADER, end),
      );
      at = end;
    }
    rest = bytes.subarray(at);
  };
};
