import { isAbsolute } from 'node:path';
import { z } from 'zod';
import {
  type NomadConnection,
  NomadConnectionError,
  readNomadConnection,
} from '../cluster/nomad/connection.ts';
import { faultsOf } from '../contracts/errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface NomadClusterConfig {
  readonly connection: NomadConnection;
  /** Undefined: one pool with the usual settings. */
  readonly poolsFile: string | undefined;
  readonly prefix: string;
  /** Where executors and other dispatchers reach this one. */
  readonly advertise: string;
  /** Names this dispatcher among the others; undefined: made at each start. */
  readonly name: string | undefined;
  /** Where Paddock lies on the nodes; undefined: where it lies here. */
  readonly home: string | undefined;
  readonly uiLink: string | undefined;
}

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path');
const link = z.url({ protocol: /^https?$/, message: 'must be a URL such as http://10.0.0.5:7070' });
/** Paths are put behind it. */
const baseUrl = link
  .refine((text) => !/[?#@]/.test(text), 'must be a URL without a user, query or fragment')
  .transform((text) => text.replace(/\/+$/, ''));

/** Variables of PADDOCK_CLUSTER=nomad, and of TLS between dispatchers and executors. */
export const clusterVariables = {
  PADDOCK_CLUSTER: z.enum(['local', 'nomad'], 'must be local or nomad').default('local'),
  PADDOCK_POOLS_FILE: absolutePath.optional(),
  PADDOCK_ADVERTISE: baseUrl.optional(),
  PADDOCK_NOMAD_PREFIX: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
      'must be a lower-case word of at most 32 letters, digits and -',
    )
    .default('paddock'),
  PADDOCK_NODE_HOME: absolutePath.optional(),
  PADDOCK_UI_LINK: link.optional(),
  PADDOCK_TLS_CA: absolutePath.optional(),
  PADDOCK_TLS_CERT: absolutePath.optional(),
  PADDOCK_TLS_KEY: absolutePath.optional(),
};
const shape = z.object(clusterVariables);
export type ClusterVariables = z.output<typeof shape>;

type Environment = Readonly<Record<string, string | undefined>>;

/** All three or none. */
export const readTlsPaths = (values: ClusterVariables, faults: string[]): TlsFiles | undefined => {
  const { PADDOCK_TLS_CA: ca, PADDOCK_TLS_CERT: cert, PADDOCK_TLS_KEY: key } = values;
  if (ca !== undefined && cert !== undefined && key !== undefined) return { ca, cert, key };
  if (ca !== undefined || cert !== undefined || key !== undefined)
    faults.push('PADDOCK_TLS_CA, PADDOCK_TLS_CERT and PADDOCK_TLS_KEY: give all three, or none');
  return undefined;
};

const wildcards: ReadonlySet<string> = new Set(['0.0.0.0', '::', '*']);

const advertisedUrl = (
  values: ClusterVariables,
  env: Environment,
  at: { host: string; port: number; secure: boolean },
) => {
  if (values.PADDOCK_ADVERTISE !== undefined) return values.PADDOCK_ADVERTISE;
  const scheme = at.secure ? 'https' : 'http';
  const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
  // Within an allocation Nomad says where its ports are reached.
  if (env.NOMAD_IP_http && env.NOMAD_PORT_http)
    return `${scheme}://${bracketed(env.NOMAD_IP_http)}:${env.NOMAD_PORT_http}`;
  if (wildcards.has(at.host) || at.port === 0) return undefined;
  return `${scheme}://${bracketed(at.host)}:${at.port}`;
};

/**
 * The part of the configuration that is about a Nomad cluster; undefined for the local one. Adds what is wrong to
 * `faults`.
 */
export const readNomadCluster = (
  values: ClusterVariables,
  env: Environment,
  at: { host: string; port: number; secure: boolean },
  faults: string[],
): NomadClusterConfig | undefined => {
  if (values.PADDOCK_CLUSTER === 'local') return undefined;
  const advertise = advertisedUrl(values, env, at);
  if (advertise === undefined)
    faults.push(
      'PADDOCK_ADVERTISE: say where executors reach this dispatcher, for example http://10.0.0.5:7070',
    );
  let connection: NomadConnection | undefined;
  try {
    connection = readNomadConnection(env);
  } catch (error) {
    if (!(error instanceof NomadConnectionError)) throw error;
    faults.push(...error.faults);
  }
  if (advertise === undefined || connection === undefined) return undefined;
  return Object.freeze({
    connection,
    advertise,
    poolsFile: values.PADDOCK_POOLS_FILE,
    prefix: values.PADDOCK_NOMAD_PREFIX,
    name: env.NOMAD_ALLOC_ID || undefined,
    home: values.PADDOCK_NODE_HOME,
    uiLink: values.PADDOCK_UI_LINK,
  });
};

/** The faults of the variables alone, as lines. */
export const faultsOfVariables = (error: z.ZodError): string[] =>
  faultsOf(error).map(({ path, message }) => `${path.replace('.', ', ')}: ${message}`);
