import type { NomadConnection } from '../connection.ts';
import type { Ask } from './ask.ts';
import { NomadError } from './errors.ts';

/** An answer that is a refusal, in words that say what to do about it where that is known. */
export const refusal = (connection: NomadConnection, ask: Ask, status: number, text: string): NomadError => {
  const said = text.trim().slice(0, 2_000) || `status ${status}`;
  const hint = hintFor(connection, ask, status, said);
  return new NomadError(`Nomad refused ${ask.method} ${ask.path}: ${said}${hint && `. ${hint}`}`, status);
};

const hintFor = (connection: NomadConnection, ask: Ask, status: number, said: string): string => {
  if (said.includes('HTTP request to an HTTPS server')) {
    return 'NOMAD_ADDR must begin with https://';
  }
  if (status !== 401 && status !== 403) return '';
  if (connection.token === undefined) return 'NOMAD_TOKEN is not set, and this cluster asks for a token';
  if (/token not found|token expired/i.test(said)) {
    return 'This cluster does not know NOMAD_TOKEN, or it has expired';
  }
  const lacking = ask.needs ?? 'a permission';
  return `The policies of NOMAD_TOKEN lack ${lacking} in namespace ${connection.namespace}, or the cluster does not know it`;
};

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there. Is the Nomad agent running, and is NOMAD_ADDR right?',
  ENOENT: 'The socket does not exist. Is the Nomad agent running, and is NOMAD_ADDR right?',
  ENOTFOUND: 'Its name is unknown. Is NOMAD_ADDR right?',
  UND_ERR_CONNECT_TIMEOUT: 'It does not answer. Is NOMAD_ADDR right, and does a firewall stand between?',
  UND_ERR_DESTROYED: 'It was closed on this side.',
  UND_ERR_BODY_TIMEOUT: 'It fell silent.',
  UND_ERR_HEADERS_TIMEOUT: 'It does not answer.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Give its certificate authority with NOMAD_CACERT.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Give its certificate authority with NOMAD_CACERT.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Give its certificate authority with NOMAD_CACERT.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Give its certificate authority with NOMAD_CACERT.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Give the name in its certificate with NOMAD_TLS_SERVER_NAME.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'It speaks no TLS: NOMAD_ADDR must begin with http://.',
  EPROTO: 'It speaks no TLS, or refuses ours: see NOMAD_ADDR, NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY.',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'It demands a certificate: give NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY.',
};

/** No answer, or half of one, as a NomadError; one that is one already stays as it is. */
export const unreachable = (connection: NomadConnection, ask: Ask, error: unknown): NomadError => {
  if (error instanceof NomadError) return error;
  const code = codeOf(error);
  const reason = error instanceof Error && error.message ? error.message : code;
  const hint = hints[code];
  return new NomadError(
    `The connection to Nomad at ${connection.address} failed at ${ask.method} ${ask.path}: ${reason}${hint ? `. ${hint}` : ''}`,
    undefined,
    { cause: error },
  );
};

const passing = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether trying again may help: the connection failed, Nomad elects a leader, or too many ask at once. */
export const mayPass = (error: unknown): boolean => {
  if (!(error instanceof NomadError)) return false;
  if (error.status === undefined) return passing.has(codeOf(error.cause));
  return error.status === 429 || (error.status === 500 && error.message.includes('No cluster leader'));
};

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  // Where a name has several addresses, each was tried.
  if (error instanceof AggregateError && !('code' in error)) return codeOf(error.errors[0]);
  return 'code' in error ? String(error.code) : codeOf(error.cause);
};
