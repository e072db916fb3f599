import { randomBytes } from 'node:crypto';
import type { Ask } from '../apis/api.ts';
import { type Connection, openConnection } from './connection.ts';

/** A program on a running system, as something that can be asked for over and over. */
export interface Target {
  readonly connect: () => Connection;
  /** One execution of a program that was never sent before. Answers how long it took, in ms. @throws on a wrong answer */
  readonly once: (connection: Connection) => Promise<number>;
}

const SALT = '#'.repeat(24);

export const requestBytes = (
  base: URL,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): string => {
  const head = [
    `POST ${base.pathname.replace(/\/+$/, '')}${path} HTTP/1.1`,
    `Host: ${base.host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
};

/** The request in two pieces, with room for a salt of fixed length between them. */
const piecesOf = (url: URL, ask: Ask): [string, string] => {
  const [before, after, more] = requestBytes(url, ask.path, ask.headers, ask.body(SALT)).split(SALT);
  if (before === undefined || after === undefined || more !== undefined)
    throw new Error('a request has to hold its salt once');
  return [before, after];
};

/** Requests are put together from two prepared pieces: building and checking them must cost next to nothing. */
export const targetOf = (base: string, ask: Ask): Target => {
  const url = new URL(base);
  const [before, after] = piecesOf(url, ask);
  const run = randomBytes(6).toString('hex');
  let sent = 0;
  return {
    connect: () => openConnection(url),
    async once(connection) {
      const salt = run + (sent++).toString(16).padStart(SALT.length - run.length, '0');
      const request = Buffer.from(`${before}${salt}${after}`);
      const started = performance.now();
      const { status, body } = await connection.send(request);
      const ms = performance.now() - started;
      const fault = ask.fault(status, body);
      if (fault !== undefined) throw new Error(`${fault}: ${status} ${body.slice(0, 2_000)}`);
      return ms;
    },
  };
};
