import { request as requestTls } from 'node:https';
import type { TlsIdentity } from '../cluster/port.ts';
import { dispatcherServerName } from '../contracts/cluster-api.ts';
import type { PostJson } from '../executor/announcement.ts';

/** See executor/server.ts. */
const { request: requestPlain } = process.getBuiltinModule('node:http');

/**
 * To dispatchers. Node's own client, because loading another costs more than the few requests of an executor's life.
 * With TLS both show certificates, and a dispatcher's is made out to its part, not to its host.
 */
export const createPostJson =
  (tls: TlsIdentity | undefined): PostJson =>
  (url, body, authorization, signal) =>
    new Promise((resolve, reject) => {
      const options = {
        method: 'POST',
        agent: false,
        signal,
        headers: {
          authorization,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      } as const;
      const request = url.startsWith('https:')
        ? requestTls(url, { ...options, ...tls, servername: dispatcherServerName })
        : requestPlain(url, options);
      request.once('error', (error) => reject(signal.aborted ? signal.reason : error));
      request.once('response', (response) => {
        response.on('error', () => {}); // the status is all that is wanted
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.end(body);
    });
