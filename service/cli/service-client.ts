import type { RequestInit, Response } from 'undici';
import type { z } from 'zod';
import { dispatcherServerName } from '../contracts/cluster-api.ts';
import { type Problem, problemSchema } from '../contracts/errors.ts';
import type { ExecutionRequestInput } from '../contracts/execution.ts';
import { type CliContext, CliError } from './context.ts';
import { type ServiceOptions, serviceToken, serviceUrl } from './service-options.ts';

/** An answer of the service that is an error, told in plain words. */
export class ServiceProblemError extends CliError {
  readonly problem: Problem;

  constructor(problem: Problem, exitCode: number) {
    super(describeProblem(problem), exitCode);
    this.problem = problem;
  }
}

export interface ServiceClient {
  get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>>;
  /** The answer to POST /v1/executions, its status already checked. */
  execute(
    request: ExecutionRequestInput,
    accept: 'application/json' | 'text/event-stream',
  ): Promise<Response>;
}

/** `failureCode` is the exit code where the service is not there or refuses. */
export const createServiceClient = async (
  context: Pick<CliContext, 'env' | 'cwd' | 'fetch' | 'signal'>,
  options: ServiceOptions,
  failureCode = 1,
): Promise<ServiceClient> => {
  const url = serviceUrl(context, options);
  const token = await serviceToken(context, options);
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

  const send = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await context.fetch(`${url}${path}`, { ...init, signal: context.signal });
    } catch (cause) {
      throw unreachable(url, cause, failureCode);
    }
    if (response.ok) return response;
    throw await refusal(response, url, token !== undefined, failureCode);
  };

  return {
    async get(path, schema) {
      const response = await send(path, { headers: { accept: 'application/json', ...authorization } });
      return parseAnswer(schema, await jsonOf(response, url, failureCode), url, failureCode);
    },
    execute: (request, accept) =>
      send('/v1/executions', {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json', ...authorization },
        body: JSON.stringify(request),
      }),
  };
};

const jsonOf = async (response: Response, url: string, failureCode: number): Promise<unknown> => {
  try {
    return await response.json();
  } catch (cause) {
    throw new CliError(
      `what answers at ${url} is not a Paddock service: its answer is no JSON`,
      failureCode,
      {
        cause,
      },
    );
  }
};

/** Checks an answer against the contract, so that a foreign server is told from ours. */
export const parseAnswer = <S extends z.ZodType>(
  schema: S,
  body: unknown,
  url: string,
  failureCode: number,
): z.output<S> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue ? `${issue.path.join('.')}: ${issue.message}` : 'unknown shape';
  throw new CliError(
    `what answers at ${url} is not a Paddock service, or not of this version (${where})`,
    failureCode,
  );
};

/** What OpenSSL and Node call faults of a certificate. */
const certificateFault =
  /^(CERT_|ERR_TLS_CERT|UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|DEPTH_ZERO|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_)/;

const unreachable = (url: string, error: unknown, failureCode: number): CliError => {
  if (error instanceof CliError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH') {
    return new CliError(
      `no service is running at ${url}.\nStart one with ./scripts/start, or name another with --url or PADDOCK_URL.`,
      failureCode,
      { cause: error },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (certificateFault.test(code)) {
    return new CliError(
      `the certificate of ${url} cannot be trusted: ${reason}.\nPADDOCK_TLS_CA names the PEM file of the authority that issued it; it has to be made out to the URL's host or to ${dispatcherServerName}.`,
      failureCode,
      { cause: error },
    );
  }
  return new CliError(`the connection to ${url} failed: ${reason}`, failureCode, { cause: error });
};

const refusal = async (
  response: Response,
  url: string,
  hasToken: boolean,
  failureCode: number,
): Promise<CliError> => {
  const body: unknown = await response.json().catch(() => undefined);
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    return new CliError(`${url} answered ${response.status} ${response.statusText}`.trim(), failureCode);
  }
  const problem = new ServiceProblemError(parsed.data, failureCode);
  if (parsed.data.code === 'unauthorized' && !hasToken) {
    problem.message += '\n  give one with --token-file or PADDOCK_TOKEN';
  }
  return problem;
};

/** A problem as people read it: title, detail, each fault on its line, the nearest names. */
export const describeProblem = (problem: Problem): string => {
  const title = problem.title.charAt(0).toLowerCase() + problem.title.slice(1);
  const lines = [problem.detail && problem.detail !== problem.title ? `${title}: ${problem.detail}` : title];
  for (const fault of problem.errors ?? []) lines.push(`  ${fault.path || 'request'}: ${fault.message}`);
  for (const reason of problem.reasons ?? []) {
    if (!problem.detail?.includes(reason)) lines.push(`  ${reason}`);
  }
  if (problem.nearest?.length) lines.push(`  did you mean: ${problem.nearest.join(', ')}`);
  if (problem.retryAfterMs !== undefined) {
    lines.push(`  try again in ${Math.ceil(problem.retryAfterMs / 1_000)} s`);
  }
  return lines.join('\n');
};
