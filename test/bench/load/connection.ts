import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One keep-alive connection, with one request at a time on it. */
export interface Connection {
  /** @throws where the connection ends before the answer does */
  send(request: Buffer): Promise<Answer>;
  close(): void;
}

interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly end: number;
  /** undefined where it comes in chunks. */
  readonly length: number | undefined;
}

const HEAD_END = '\r\n\r\n';

const headOf = (bytes: Buffer): Head | undefined => {
  const at = bytes.indexOf(HEAD_END);
  if (at < 0) return undefined;
  const text = bytes.toString('latin1', 0, at);
  const length = /^content-length: *(\d+)/im.exec(text)?.[1];
  if (length === undefined && !/^transfer-encoding: *chunked/im.test(text))
    throw new Error(`an answer without a length:\n${text}`);
  return {
    status: Number(text.slice(9, 12)),
    end: at + HEAD_END.length,
    length: length === undefined ? undefined : Number(length),
  };
};

/** The body put together from its chunks; undefined while the last has not come. */
const unchunked = (bytes: Buffer, start: number): Buffer | undefined => {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
};

const answerIn = (bytes: Buffer): Answer | undefined => {
  const head = headOf(bytes);
  if (!head) return undefined;
  const { status, end, length } = head;
  if (length === undefined) {
    const body = unchunked(bytes, end);
    return body && { status, body: body.toString('utf8') };
  }
  if (bytes.length < end + length) return undefined;
  return { status, body: bytes.toString('utf8', end, end + length) };
};

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Straight on the socket: the machine that is measured also runs this, and a whole HTTP client would take a tenth of
 * what an execution costs. It knows as much of HTTP as the answers of a service need.
 */
export const openConnection = (url: URL): Connection => {
  let socket: Socket | undefined;
  let waiting: Waiting | undefined;
  let received: Buffer = Buffer.alloc(0);

  const settle = (use: (waiting: Waiting) => void): void => {
    const one = waiting;
    waiting = undefined;
    received = Buffer.alloc(0);
    if (one) use(one);
  };
  const receive = (bytes: Buffer): void => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    try {
      const answer = answerIn(received);
      if (answer) settle(({ resolve }) => resolve(answer));
    } catch (error) {
      settle(({ reject }) => reject(error instanceof Error ? error : new Error(String(error))));
    }
  };
  const open = (): Socket => {
    const secure = url.protocol === 'https:';
    const to = { host: url.hostname, port: Number(url.port) || (secure ? 443 : 80), noDelay: true };
    const opened = secure ? connectTls({ ...to, servername: url.hostname }) : connectPlain(to);
    opened.on('data', receive);
    opened.on('error', (error) => settle(({ reject }) => reject(error)));
    opened.on('close', () => {
      if (socket === opened) socket = undefined;
      settle(({ reject }) => reject(new Error('the connection ended before the answer')));
    });
    return opened;
  };

  return {
    send(request) {
      if (waiting) throw new Error('one request at a time');
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket ??= open();
        socket.write(request);
      });
    },
    close: () => void socket?.destroy(),
  };
};
