import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import type { TlsIdentity } from '../cluster/port.ts';
import { dispatcherServerName } from '../contracts/cluster-api.ts';
import {
  type ExecutorBrief,
  type ExecutorEvent,
  type ExecutorRequest,
  type ExecutorResult,
  type ExecutorStatus,
  executorRequestSchema,
  faultsOf,
  loadHeader,
  type OutputEvent,
  PaddockError,
} from '../contracts/index.ts';
import type { TellPulling } from './custom-images.ts';

export interface ExecutorHandlers {
  /** Takes a place at once or throws `executor-busy`; the place is free again when the promise settles. */
  execute(
    request: ExecutorRequest,
    signal: AbortSignal,
    emit?: (event: OutputEvent) => void,
    tell?: TellPulling,
  ): Promise<ExecutorResult>;
  /** Throws `executor-busy` or `shutting-down` where there is no place: asked before the body is read. */
  admit(): void;
  /** The brief one where the catalogue that the dispatcher knows is the one in force. */
  status(known: string | undefined): ExecutorStatus | ExecutorBrief;
  /** For `paddock-load`: how it is now, and how many sandboxes of this request's runtime are warm. */
  load(request?: ExecutorRequest): string;
}

/** Who may speak to an executor, and how. */
export interface Access {
  /** Whether this Authorization header is good now. Asked for every request, so it answers without a promise where it can. */
  readonly admits: (authorization: string | undefined) => boolean | Promise<boolean>;
  /** With it, callers show a certificate of the same authority that is made out to a dispatcher. */
  readonly tls?: TlsIdentity | undefined;
}

export interface ServerConfig extends Access {
  readonly bodyLimitBytes: number;
  readonly onInternalError: (error: Error) => void;
}

/** Imported in the usual way it would load all of undici, for classes that nobody uses here: 20 ms of CPU and 3 MB. */
const { createServer } = process.getBuiltinModule('node:http');

const SERVER_OPTIONS = { keepAliveTimeout: 60_000, requestTimeout: 30_000 };

const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const tooLarge = (): PaddockError =>
    new PaddockError('payload-too-large', { detail: `the limit is ${limit} bytes` });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Leaving the loop must not destroy the connection that the answer goes over.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof PaddockError) throw error;
    throw new PaddockError('client-closed', {}, { cause: error });
  }
  return Buffer.concat(chunks, size);
};

/** @throws PaddockError invalid-request with the path of each fault; for any bytes at all */
export const parseExecutorRequest = (body: Buffer): ExecutorRequest => {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new PaddockError('invalid-request', { detail: 'the body is not JSON' }, { cause: error });
  }
  const parsed = executorRequestSchema.safeParse(json);
  if (!parsed.success) throw new PaddockError('invalid-request', { errors: faultsOf(parsed.error) });
  return parsed.data;
};

const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
  load?: string,
): void => {
  const bytes = Buffer.from(JSON.stringify(body), 'utf8');
  const headers = { 'content-type': type, 'content-length': bytes.length };
  response.writeHead(status, load === undefined ? headers : { ...headers, [loadHeader]: load });
  response.end(bytes);
};

const asPaddockError = (error: unknown, onInternalError: (error: Error) => void): PaddockError => {
  if (error instanceof PaddockError) return error;
  onInternalError(error as Error);
  return new PaddockError('internal', {}, { cause: error });
};

/** Output as it comes. A reader that is slower than the program is waited for by nobody: output is bounded anyway. */
const stream = async (
  response: ServerResponse,
  run: (emit: (event: OutputEvent) => void, tell: TellPulling) => Promise<ExecutorResult>,
  onInternalError: (error: Error) => void,
): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const send = (event: ExecutorEvent): void => {
    response.write(`${JSON.stringify(event)}\n`);
  };
  try {
    const result = await run(
      (output) => send({ event: 'output', output }),
      (image) => send({ event: 'image', image }),
    );
    send({ event: 'result', result });
  } catch (error) {
    send({ event: 'error', problem: asPaddockError(error, onInternalError).toProblem() });
  }
  response.end();
};

const listenerWithTls = (
  { ca, cert, key }: TlsIdentity,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): TlsServer => {
  const demands = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  const server = createTlsServer({ ...SERVER_OPTIONS, ca, cert, key, ...demands }, onRequest);
  // The authority also signs what executors show: one of them must not pass for a dispatcher.
  server.prependListener('secureConnection', (socket) => {
    if (checkServerIdentity(dispatcherServerName, socket.getPeerCertificate())) socket.destroy();
  });
  return server;
};

/** The executor's own HTTP server: two routes, no framework, because every execution passes here. */
export const createExecutorServer = (
  config: ServerConfig,
  handlers: ExecutorHandlers,
): Server | TlsServer => {
  const runExecution = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    handlers.admit();
    const parsed = parseExecutorRequest(await readBody(request, config.bodyLimitBytes));
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    if (parsed.stream) {
      handlers.admit(); // once more: an error after the first byte could only be an event
      return stream(
        response,
        (emit, tell) => handlers.execute(parsed, gone.signal, emit, tell),
        config.onInternalError,
      );
    }
    const result = await handlers.execute(parsed, gone.signal);
    sendJson(response, 200, result, 'application/json', handlers.load(parsed));
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const admitted = config.admits(request.headers.authorization);
      // Waiting for what is no promise would still put every request off.
      if (!(typeof admitted === 'boolean' ? admitted : await admitted))
        throw new PaddockError('unauthorized');
      if (request.method === 'POST' && request.url === '/executions')
        return await runExecution(request, response);
      const [path, known] = request.url?.split('?known=') ?? [];
      if (request.method === 'GET' && path === '/status')
        return sendJson(response, 200, handlers.status(known));
      throw new PaddockError('not-found');
    } catch (error) {
      const known = asPaddockError(error, config.onInternalError);
      if (response.headersSent || response.destroyed) return void response.destroy();
      // Not for those that are refused for who they are.
      const load =
        known.code === 'executor-busy' || known.code === 'shutting-down' ? handlers.load() : undefined;
      sendJson(response, known.status, known.toProblem(), 'application/problem+json', load);
      // Closing before the rest of the body has come would reset the connection, and lose the answer with it.
      request.resume();
    }
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void handle(request, response);
  return config.tls ? listenerWithTls(config.tls, onRequest) : createServer(SERVER_OPTIONS, onRequest);
};
