import { z } from 'zod';

/** Every error code of ours and its HTTP status. Codes are stable: clients branch on them. */
export const errorStatus = {
  'invalid-request': 400,
  unauthorized: 401,
  'host-not-allowed': 403,
  'image-not-allowed': 403,
  'unknown-runtime': 404,
  'unknown-version': 404,
  'not-found': 404,
  'method-not-allowed': 405,
  'payload-too-large': 413,
  'unsupported-media-type': 415,
  'no-capable-pool': 422,
  'image-unavailable': 422,
  'too-many-executions': 429,
  'client-closed': 499,
  internal: 500,
  'executor-lost': 502,
  'queue-full': 503,
  'no-executor': 503,
  'no-node': 503,
  'runtime-unavailable': 503,
  'image-pulling': 503,
  'executor-busy': 503,
  'shutting-down': 503,
  'deadline-exceeded': 504,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof errorStatus;
export const errorCodes = Object.keys(errorStatus) as [ErrorCode, ...ErrorCode[]];

const titles: Record<ErrorCode, string> = {
  'invalid-request': 'The request is not valid',
  unauthorized: 'A valid service token is needed',
  'host-not-allowed': 'This Host header is not allowed',
  'unknown-runtime': 'No such runtime',
  'unknown-version': 'No such version of the runtime',
  'not-found': 'No such resource',
  'method-not-allowed': 'The method is not allowed here',
  'payload-too-large': 'The request body is too large',
  'unsupported-media-type': 'The content type is not supported',
  'no-capable-pool': 'No pool has the required capabilities',
  'image-unavailable': 'The image cannot be had',
  'image-not-allowed': 'This image is not on the allow-list',
  'image-pulling': 'The image is not here yet',
  'too-many-executions': 'The tenant has too many executions waiting',
  'client-closed': 'The client went away',
  internal: 'Something went wrong on our side',
  'executor-lost': 'The executor was lost in the middle of the execution',
  'queue-full': 'The queue is full',
  'no-executor': 'No executor is ready',
  'no-node': 'No node could start an executor for it in time',
  'runtime-unavailable': 'The runtime is not available here',
  'executor-busy': 'The executor has no room',
  'shutting-down': 'The service is shutting down',
  'deadline-exceeded': 'The deadline passed before the result was there',
};

export const problemSchema = z
  .object({
    type: z.string().describe('urn:paddock:error:CODE'),
    title: z.string(),
    status: z.int(),
    code: z.enum(errorCodes),
    detail: z.string().optional(),
    errors: z
      .array(
        z.object({
          path: z.string().describe('Dotted path of the fault, empty for the whole'),
          message: z.string(),
        }),
      )
      .optional(),
    nearest: z.array(z.string()).optional().describe('Names close to an unknown one'),
    reasons: z
      .array(z.string())
      .optional()
      .describe('Why there is no executor for it, for people: one entry a pool and cause'),
    retryAfterMs: z.int().optional(),
    executionId: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'An error as application/problem+json (RFC 9457)' });
export type Problem = z.infer<typeof problemSchema>;

export type ProblemDetails = Pick<
  Problem,
  'detail' | 'errors' | 'nearest' | 'reasons' | 'retryAfterMs' | 'executionId'
>;

/** The only kind of error that is meant for a caller: anything else thrown becomes `internal`. */
export class PaddockError extends Error {
  override readonly name = 'PaddockError';
  readonly code: ErrorCode;
  readonly details: ProblemDetails;

  constructor(code: ErrorCode, details: ProblemDetails = {}, options?: ErrorOptions) {
    super(details.detail ?? titles[code], options);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorStatus[this.code];
  }

  toProblem(): Problem {
    return {
      type: `urn:paddock:error:${this.code}`,
      title: titles[this.code],
      status: this.status,
      code: this.code,
      ...this.details,
    };
  }
}

/** The faults of a failed zod parse as `{path, message}`, paths dotted (`files.0.name`). */
export const faultsOf = (error: z.ZodError): { path: string; message: string }[] =>
  error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: 'unknown field' }));
    }
    return [{ path, message: issue.message }];
  });
