import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { NomadCertificates } from './nomad-certificates.ts';

export interface NomadAnswer {
  readonly status: number;
  readonly text: string;
  /** Parsed where it is JSON. */
  readonly value: unknown;
}

export interface NomadCall {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly body?: unknown;
  /** Instead of the management token; empty for none. */
  readonly token?: string;
}

/** Nomad's HTTP API as the tests ask it: on their own, not through the code that is tested. */
export interface NomadRequests {
  /** Whatever the answer is. */
  ask(path: string, call?: NomadCall): Promise<NomadAnswer>;
  /** @throws where the status is none of success. */
  get(path: string, call?: NomadCall): Promise<unknown>;
  close(): Promise<void>;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const nomadRequests = (
  address: string,
  certificates: NomadCertificates | undefined,
  managementToken: () => string | undefined,
): NomadRequests => {
  const dispatcher = new Agent({
    connections: 32,
    ...(certificates && {
      connect: {
        ca: readFileSync(certificates.ca),
        cert: readFileSync(certificates.cli.cert),
        key: readFileSync(certificates.cli.key),
      },
    }),
  });
  const ask: NomadRequests['ask'] = async (
    path,
    { method = 'GET', body, token = managementToken() } = {},
  ) => {
    const answer = await request(`${address}${path}`, {
      dispatcher,
      method,
      headers: { ...(token ? { 'x-nomad-token': token } : {}) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headersTimeout: 15_000,
      bodyTimeout: 15_000,
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, text, value: parsed(text) };
  };
  return {
    ask,
    async get(path, call) {
      const { status, text, value } = await ask(path, call);
      if (status >= 300) throw new Error(`${call?.method ?? 'GET'} ${path}: ${status} ${text}`);
      return value;
    },
    close: () => dispatcher.destroy(),
  };
};
