import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type CliContext, CliError } from '../cli/context.ts';
import { reasonOf } from '../cli/service-options.ts';
import { dispatcherServerName } from '../contracts/cluster-api.ts';

/** How the command line tells that an https service is the right one; options of TLS connections. */
export interface ServiceTrust {
  /** PEM. */
  readonly ca: string;
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * The authority of PADDOCK_TLS_CA, undefined where it is not set: then Node's own authorities count.
 * @throws CliError where the file is no certificate
 */
export const readServiceTrust = async (
  env: CliContext['env'],
  cwd: string,
): Promise<ServiceTrust | undefined> => {
  const path = env.PADDOCK_TLS_CA;
  if (!path) return undefined;
  try {
    const ca = await readFile(resolve(cwd, path), 'utf8');
    // TLS takes text without a certificate for an authority that vouches for nobody.
    new X509Certificate(ca);
    return { ca, checkServerIdentity: isServiceOrDispatcher };
  } catch (cause) {
    const isFault = cause instanceof Error && 'syscall' in cause;
    const reason = isFault ? reasonOf(cause) : 'it holds no certificate in PEM';
    throw new CliError(`cannot read the certificates of PADDOCK_TLS_CA, ${path}: ${reason}`, 2, { cause });
  }
};

/** Good for the host of the URL, or for the part that dispatchers play wherever they run. */
const isServiceOrDispatcher = (host: string, certificate: PeerCertificate): Error | undefined => {
  const fault = checkServerIdentity(host, certificate);
  return fault && checkServerIdentity(dispatcherServerName, certificate) ? fault : undefined;
};

/** Asks services; the file of PADDOCK_TLS_CA is read when the first https URL is asked. */
export const createServiceFetch = (env: CliContext['env'], cwd: string): CliContext['fetch'] => {
  let dispatcher: ReturnType<typeof openAgent> | undefined;
  return async (input, init) => {
    // The library that the service uses: Node's own copy of it would come on top, 13 MB.
    const { fetch } = await import('undici');
    if (!isHttps(input)) return fetch(input, init);
    dispatcher ??= openAgent(env, cwd);
    const agent = await dispatcher;
    return fetch(input, agent ? { ...init, dispatcher: agent } : init);
  };
};

const openAgent = async (env: CliContext['env'], cwd: string) => {
  const trust = await readServiceTrust(env, cwd);
  if (!trust) return undefined;
  const { Agent } = await import('undici');
  return new Agent({ connect: { ...trust } });
};

const isHttps = (input: Parameters<CliContext['fetch']>[0]): boolean =>
  (typeof input === 'string' ? input : 'url' in input ? input.url : input.href).startsWith('https:');
