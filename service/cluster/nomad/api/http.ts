import { setTimeout as wait } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { NomadConnection } from '../connection.ts';
import type { Ask } from './ask.ts';
import { NomadError } from './errors.ts';
import { mayPass, refusal, unreachable } from './failures.ts';

export interface Answer {
  readonly status: number;
  /** X-Nomad-Index: how new the answer is; 0 where it does not say. */
  readonly index: number;
  readonly text: string;
}

export interface NomadHttp {
  send(ask: Ask): Promise<Answer>;
  /** The parts of an answer that streams, until the signal aborts, quietly, or it ends; rejects when it breaks. */
  stream(ask: Ask, signal: AbortSignal, timeouts: StreamTimeouts): AsyncIterable<Buffer>;
}

export interface StreamTimeouts {
  /** How long until it begins and, from then on, between two parts, in milliseconds; 0 for ever. */
  readonly beginMs: number;
  readonly silenceMs: number;
}

export interface HttpTimes {
  readonly timeoutMs: number;
  /** How long to wait before each further try of a GET. */
  readonly retryDelaysMs: readonly number[];
}

/**
 * Requests over kept connections. `streams` has connections of its own, so that streams never leave the others
 * waiting. Only a GET is tried again: whether anything else was done is unknown.
 */
export const createNomadHttp = (
  connection: NomadConnection,
  pools: { readonly requests: Dispatcher; readonly streams: Dispatcher },
  times: HttpTimes,
): NomadHttp => {
  const prepare = (ask: Ask) => prepareRequest(connection, ask);

  const attempt = async (ask: Ask, signal: AbortSignal): Promise<Answer> => {
    try {
      const { statusCode, headers, body } = await pools.requests.request({ ...prepare(ask), signal });
      const text = await body.text();
      if (!accepted(ask, statusCode)) throw refusal(connection, ask, statusCode, text);
      return { status: statusCode, index: Number(headers['x-nomad-index'] ?? 0), text };
    } catch (error) {
      throw signal.aborted ? late(connection, ask, times.timeoutMs) : unreachable(connection, ask, error);
    }
  };

  return {
    async send(ask) {
      const signal = AbortSignal.timeout(times.timeoutMs);
      for (const delay of ask.method === 'GET' ? times.retryDelaysMs : []) {
        try {
          return await attempt(ask, signal);
        } catch (error) {
          if (signal.aborted || !mayPass(error)) throw error;
          await wait(delay);
        }
      }
      return attempt(ask, signal);
    },
    async *stream(ask, signal, { beginMs, silenceMs }) {
      if (signal.aborted) return;
      try {
        const { statusCode, body } = await pools.streams.request({
          ...prepare(ask),
          signal,
          headersTimeout: beginMs,
          bodyTimeout: silenceMs,
        });
        if (statusCode !== 200) throw refusal(connection, ask, statusCode, await body.text());
        yield* body as AsyncIterable<Buffer>;
      } catch (error) {
        if (signal.aborted) return;
        throw unreachable(connection, ask, error);
      }
    },
  };
};

/** An answer's JSON in a known shape. */
export const readAnswer = <S extends z.ZodType>(ask: Ask, text: string, schema: S): z.output<S> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NomadError(`What answers ${ask.method} ${ask.path} is no JSON, so it is not Nomad's API`, 200, {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const fault = issue ? `${issue.path.join('.') || 'the whole'}: ${issue.message}` : 'unknown shape';
  throw new NomadError(`Nomad answers ${ask.method} ${ask.path} in an unknown shape (${fault})`, 200, {
    cause: parsed.error,
  });
};

/** A path with ids in it, which may contain slashes: those of dispatched jobs do. */
export const pathOf = (...segments: readonly string[]): string =>
  `/v1/${segments.map(encodeURIComponent).join('/')}`;

const accepted = (ask: Ask, status: number): boolean =>
  (status >= 200 && status < 300) || (ask.accept?.includes(status) ?? false);

const prepareRequest = (connection: NomadConnection, ask: Ask) => {
  const { origin, pathname } = new URL(connection.url);
  const query = new URLSearchParams({ namespace: connection.namespace });
  if (connection.region) query.set('region', connection.region);
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) query.append(name, one);
  }
  return {
    origin,
    method: ask.method,
    path: `${pathname === '/' ? '' : pathname}${ask.path}?${query}`,
    headers: {
      accept: 'application/json',
      ...(connection.token && { 'x-nomad-token': connection.token }),
      ...(ask.body !== undefined && { 'content-type': 'application/json' }),
    },
    body: ask.body === undefined ? null : JSON.stringify(ask.body),
  };
};

const late = (connection: NomadConnection, ask: Ask, timeoutMs: number): NomadError =>
  new NomadError(
    `Nomad at ${connection.address} did not answer ${ask.method} ${ask.path} within ${timeoutMs / 1_000} s`,
  );
