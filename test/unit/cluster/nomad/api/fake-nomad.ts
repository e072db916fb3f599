import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { type NomadApiTimes, openNomadApi } from '../../../../../service/cluster/nomad/api/open.ts';
import type { NomadApi } from '../../../../../service/cluster/nomad/api/port.ts';
import { readNomadConnection } from '../../../../../service/cluster/nomad/connection.ts';

const recordedSchema = z.object({ status: z.number(), index: z.number().optional(), body: z.unknown() });

/** What test/nomad/record-answers.ts recorded, as Nomad sent it. */
export const recorded = (name: string): { status: number; index: number | undefined; text: string } => {
  const file = join(import.meta.dirname, '../answers', `${name}.json`);
  const { status, index, body } = recordedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return {
    status,
    index,
    text: typeof body === 'string' ? body : JSON.stringify(body),
  };
};

export interface Received {
  readonly method: string;
  /** As sent, still encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** The name of a recorded answer, or what answers instead. */
export type Reply = string | ((response: ServerResponse) => void);

export interface FakeNomad {
  readonly server: Server;
  /** A port, or a socket's path. */
  readonly address: string;
  readonly api: NomadApi;
  readonly received: readonly Received[];
  /** The answers to the next requests, in their order. */
  reply(...replies: readonly Reply[]): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FakeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly times?: Partial<NomadApiTimes>;
  readonly tls?: ServerOptions;
  readonly socketPath?: string;
}

/** A server that replays what Nomad answers, and our client of it. */
export const startFakeNomad = async ({
  env,
  times,
  tls,
  socketPath,
}: FakeOptions = {}): Promise<FakeNomad> => {
  const received: Received[] = [];
  const replies: Reply[] = [];
  const server = tls ? createTlsServer(tls) : createServer();
  server.on('request', async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://fake');
    received.push({
      method: request.method ?? '',
      path: url.pathname,
      query: readQuery(url.searchParams),
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    });
    answer(response, replies.shift());
  });
  await new Promise<void>((done) => {
    if (socketPath) server.listen(socketPath, done);
    else server.listen(0, '127.0.0.1', done);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const address = socketPath ? `unix://${socketPath}` : `http${tls ? 's' : ''}://127.0.0.1:${port}`;
  const api = openNomadApi(readNomadConnection({ NOMAD_ADDR: address, ...env }), {
    retryDelaysMs: [1, 1],
    ...times,
  });
  return {
    server,
    address,
    api,
    received,
    reply: (...more) => {
      replies.push(...more);
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

const readQuery = (query: URLSearchParams): Record<string, string | string[]> =>
  Object.fromEntries(
    [...new Set(query.keys())].map((name) => {
      const values = query.getAll(name);
      return [name, values.length === 1 && values[0] !== undefined ? values[0] : values];
    }),
  );

const answer = (response: ServerResponse, reply: Reply | undefined): void => {
  if (typeof reply === 'function') {
    reply(response);
    return;
  }
  if (reply === undefined) {
    response.writeHead(599).end('the test expected no further request');
    return;
  }
  const { status, index, text } = recorded(reply);
  response.writeHead(status, index === undefined ? {} : { 'x-nomad-index': String(index) }).end(text);
};

export const text =
  (status: number, body: string): Reply =>
  (response) => {
    response.writeHead(status).end(body);
  };
