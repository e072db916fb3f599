import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fakeResult, fakeStatus } from './fake-status.ts';

/** A child process of the local cluster that speaks an executor's HTTP API and answers at once, running nothing. */

const status = fakeStatus(process.env.PADDOCK_EXECUTOR_ID ?? '', ['python'], 64);
const result = fakeResult(2.345, true);

const answer = (response: ServerResponse, bytes: Buffer): void => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
};

const [statusBytes, resultBytes] = [status, result].map((value) => Buffer.from(JSON.stringify(value)));
const authorization = `Bearer ${process.env.PADDOCK_EXECUTOR_TOKEN}`;
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.headers.authorization !== authorization) return void response.writeHead(401).end();
  if (request.method === 'GET') return answer(response, statusBytes as Buffer);
  request.resume();
  request.once('end', () => answer(response, resultBytes as Buffer));
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());
