import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { type NomadConnection, NomadConnectionError, type NomadTls } from '../connection.ts';
import { createAllocations } from './allocations.ts';
import { createClusterInfo } from './cluster-info.ts';
import { NomadError } from './errors.ts';
import { createNomadHttp } from './http.ts';
import { createJobs } from './jobs.ts';
import { createNodes } from './nodes.ts';
import type { NomadApi } from './port.ts';
import { createVariables } from './variables.ts';

/** Nomad takes 100 connections from an address unless told otherwise, and others there may want some. */
const mostConnections = 16;

export interface NomadApiTimes {
  /** Within which every answer but a stream must be whole; of a stream its beginning. */
  readonly timeoutMs: number;
  /** How long an event stream may be silent; Nomad says something every 30 s. */
  readonly silenceMs: number;
  /** How long to wait before each further try of what only reads. */
  readonly retryDelaysMs: readonly number[];
}

const usualTimes: NomadApiTimes = { timeoutMs: 10_000, silenceMs: 60_000, retryDelaysMs: [100, 400] };

/**
 * Nomad's API over kept connections. Reads the files of TLS now, and connects when something is asked.
 * @throws NomadConnectionError where a file cannot be read
 */
export const openNomadApi = (connection: NomadConnection, times: Partial<NomadApiTimes> = {}): NomadApi => {
  const { timeoutMs, silenceMs, retryDelaysMs } = { ...usualTimes, ...times };
  const connect = {
    ...(connection.socketPath && { socketPath: connection.socketPath }),
    ...(connection.tls && readTlsFiles(connection.tls)),
    timeout: timeoutMs,
  };
  // Streams need HTTP/1.1: Nomad takes over the connection.
  const options = { connect, pipelining: 1, allowH2: false };
  const { origin } = new URL(connection.url);
  const requests = new Pool(origin, { ...options, connections: mostConnections });
  const streams = new Pool(origin, options);
  const http = createNomadHttp(connection, { requests, streams }, { timeoutMs, retryDelaysMs });
  return {
    jobs: createJobs(http),
    allocations: createAllocations(http, timeoutMs),
    nodes: createNodes(http),
    variables: createVariables(http),
    cluster: createClusterInfo(http, { beginMs: timeoutMs, silenceMs }),
    async close() {
      const closed = new NomadError('The connection to Nomad was closed');
      await Promise.all([requests.destroy(closed), streams.destroy(closed)]);
    },
  };
};

const readTlsFiles = ({ caFile, caFolder, client, serverName, verify }: NomadTls) => {
  const faults: string[] = [];
  const reading = <T>(name: string, path: string, read: (path: string) => T): T | undefined => {
    try {
      return read(path);
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const ca = caFile
    ? reading('NOMAD_CACERT', caFile, readText)
    : caFolder && reading('NOMAD_CAPATH', caFolder, readTexts);
  const cert = client && reading('NOMAD_CLIENT_CERT', client.certFile, readText);
  const key = client && reading('NOMAD_CLIENT_KEY', client.keyFile, readText);
  if (faults.length > 0) throw new NomadConnectionError(faults);
  return {
    ...(ca && { ca }),
    ...(cert && key && { cert, key }),
    ...(serverName && { servername: serverName }),
    rejectUnauthorized: verify,
  };
};

const readText = (path: string): string => readFileSync(path, 'utf8');

const readTexts = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => readText(join(folder, name)));
