import type { PlacedFile } from './port.ts';

/** What the first process inside says over the control socket (native/inside.h). */
export type InitMessage =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'exit';
      readonly exitCode: number | null;
      readonly signal: number | null;
      readonly wallMs: number;
      readonly cpuMs: number;
      readonly memoryPeakBytes: number;
    }
  | { readonly kind: 'error'; readonly step: string; readonly errno: number };

const MAX_LINE = 4_096;

/**
 * Parses one line. The other end is inside the sandbox, so nothing is believed that does not have the exact form.
 * @returns undefined for anything else
 */
export const parseInitLine = (line: string): InitMessage | undefined => {
  if (line === 'ready') return { kind: 'ready' };
  const error = /^error ([a-z]{1,16}) (\d{1,4})$/.exec(line);
  if (error) return { kind: 'error', step: error[1] ?? '', errno: Number(error[2]) };
  const exit = /^(?:exit|ends) (-1|\d{1,3}) (\d{1,2}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(
    line,
  );
  if (!exit) return undefined;
  const [code = 0, signal = 0, wallUs = 0, userUs = 0, systemUs = 0, maxKib = 0] = exit.slice(1).map(Number);
  return {
    kind: 'exit',
    exitCode: code < 0 ? null : code,
    signal: signal === 0 ? null : signal,
    wallMs: wallUs / 1_000,
    cpuMs: (userUs + systemUs) / 1_000,
    memoryPeakBytes: maxKib * 1_024,
  };
};

/**
 * Cuts what comes over the control socket into lines. What is no message of the first process is what the launcher or
 * bubblewrap complain of.
 * @returns a function to call with each piece of text; a line that is too long is dropped, with all that follows
 */
export const createLineReader = (
  onMessage: (message: InitMessage) => void,
  onOther?: (line: string) => void,
): ((text: string) => void) => {
  let pending = '';
  let broken = false;
  return (text) => {
    if (broken) return;
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      const message = parseInitLine(line);
      if (message) onMessage(message);
      else onOther?.(line);
    }
    broken = pending.length > MAX_LINE;
  };
};

/** rlimits of one program; 0 leaves one as it is. */
export interface ProcessLimits {
  readonly openFiles: number;
  readonly fileBytes: number;
  readonly cpuSeconds: number;
  readonly processes: number;
  /** Private writable memory, not address space: a JVM reserves gigabytes that it never touches. */
  readonly dataBytes: number;
}

export type GoMessage =
  | {
      readonly mode: 'exec';
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly mode: 'warm';
      readonly entry: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };

const FILE_HEADER = 16;

/** Little-endian numbers, names and contents, as native/inside.h says. */
const encodeFiles = (files: readonly PlacedFile[]): Buffer[] => {
  const count = Buffer.allocUnsafe(4);
  count.writeUInt32LE(files.length, 0);
  return files.reduce<Buffer[]>(
    (parts, { name, content, executable }) => {
      const path = Buffer.from(`${name}\0`, 'utf8');
      const header = Buffer.allocUnsafe(FILE_HEADER);
      header.writeUInt32LE(path.length, 0);
      header.writeUInt32LE(executable ? 1 : 0, 4);
      header.writeBigUInt64LE(BigInt(content.length), 8);
      parts.push(header, path, content);
      return parts;
    },
    [count],
  );
};

/** What go sends: the files, then the message. @throws where a string holds a NUL itself */
export const encodeGo = (
  go: GoMessage,
  folder: string,
  limits: ProcessLimits,
  files: readonly PlacedFile[] = [],
): Buffer => {
  const pairs = Object.entries(go.env).map(([name, value]) => `${name}=${value}`);
  const program =
    go.mode === 'exec'
      ? [String(go.command.length), ...go.command]
      : [go.entry, String(go.args.length), ...go.args];
  const fields = [
    go.mode,
    String(limits.openFiles),
    String(limits.fileBytes),
    String(limits.cpuSeconds),
    String(limits.processes),
    String(limits.dataBytes),
    folder,
    ...program,
    ...pairs,
  ];
  if ([...fields, ...files.map(({ name }) => name)].some((field) => field.includes('\0')))
    throw new Error('a go message cannot hold a NUL');
  const body = Buffer.from(`${fields.join('\0')}\0`, 'utf8');
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([...encodeFiles(files), length, body]);
};
