import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly body: unknown;
  /** Sent without a length, in pieces. */
  readonly chunked?: boolean;
}

export interface FakeSystem {
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

/** Another system that runs programs, as far as a benchmark needs one: `reply` undefined breaks the connection. */
export const startFakeSystem = async (
  reply: (asked: Asked) => Reply | undefined | Promise<Reply | undefined>,
): Promise<FakeSystem> => {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    const { method = '', url: path = '', headers } = request;
    const one = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
    asked.push(one);
    const answer = await reply(one);
    if (!answer) return void request.socket.destroy();
    const json = JSON.stringify(answer.body);
    response.statusCode = answer.status ?? 200;
    if (!answer.chunked) return void response.setHeader('content-length', Buffer.byteLength(json)).end(json);
    for (const piece of json.match(/.{1,500}/gsu) ?? []) response.write(piece);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
