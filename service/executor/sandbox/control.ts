import type { Socket } from 'node:net';

/** What paddock-init says over the control socket (native/paddock-init.c). */
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
  const exit = /^exit (-1|\d{1,3}) (\d{1,2}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(line);
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
 * Cuts the control socket's bytes into lines; a line too long ends the socket. What is no message of init's is what
 * the launcher or bubblewrap complain of.
 * @returns a function that ends the listening
 */
export const listenToInit = (
  socket: Socket,
  onMessage: (message: InitMessage) => void,
  onOther?: (line: string) => void,
): (() => void) => {
  let pending = '';
  const onData = (bytes: Buffer): void => {
    const lines = (pending + bytes.toString('latin1')).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      const message = parseInitLine(line);
      if (message) onMessage(message);
      else onOther?.(line);
    }
    if (pending.length > MAX_LINE) socket.destroy();
  };
  socket.on('data', onData);
  return () => socket.off('data', onData);
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

/** The go message: a length, then NUL-terminated strings. @throws where a string holds a NUL itself */
export const encodeGo = (go: GoMessage, folder: string, limits: ProcessLimits): Buffer => {
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
  if (fields.some((field) => field.includes('\0'))) throw new Error('a go message cannot hold a NUL');
  const body = Buffer.from(`${fields.join('\0')}\0`, 'utf8');
  const message = Buffer.allocUnsafe(4 + body.length);
  message.writeUInt32LE(body.length, 0);
  body.copy(message, 4);
  return message;
};
