import { z } from 'zod';
import { CliError, type NomadAccess } from '../cli/context.ts';
import { openNomadApi } from '../cluster/nomad/api/open.ts';
import { NomadConnectionError, readNomadConnection } from '../cluster/nomad/connection.ts';
import { clusterVariables, faultsOfVariables, readTlsPaths, type TlsFiles } from './cluster-config.ts';
import { clusterSettings } from './cluster-settings.ts';
import { ConfigError, type Environment } from './config.ts';
import { readPools } from './pools-file.ts';

/** Of a dispatcher's variables those that decide how the pools' jobs look. */
const shape = z.object(clusterVariables).pick({
  PADDOCK_POOLS_FILE: true,
  PADDOCK_NOMAD_PREFIX: true,
  PADDOCK_NODE_HOME: true,
  PADDOCK_UI_LINK: true,
  PADDOCK_TLS_CA: true,
  PADDOCK_TLS_CERT: true,
  PADDOCK_TLS_KEY: true,
});

/**
 * Nomad for the command line, as the same variables name it that a dispatcher reads. Connects when something is asked.
 * @throws CliError that lists every fault
 */
export const openNomad = (env: Environment, projectRoot: string, version: string): NomadAccess => {
  const { values, connection } = inPlainWords(() => read(env));
  const prefix = values.PADDOCK_NOMAD_PREFIX;
  return {
    api: inPlainWords(() => openNomadApi(connection)),
    prefix,
    namespace: connection.namespace,
    pools: () => ({
      specs: inPlainWords(() => readPools(values.PADDOCK_POOLS_FILE)),
      settings: clusterSettings(
        {
          ...{ connection, prefix, home: values.PADDOCK_NODE_HOME, uiLink: values.PADDOCK_UI_LINK },
          tls: inPlainWords(() => tlsOf(values)),
        },
        projectRoot,
        version,
      ),
    }),
  };
};

const read = (env: Environment) => {
  const parsed = shape.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== '')),
  );
  if (!parsed.success) throw new ConfigError(faultsOfVariables(parsed.error));
  return { values: parsed.data, connection: readNomadConnection(env) };
};

/** Only the pools' jobs want all three: PADDOCK_TLS_CA alone is how the command line verifies a dispatcher. */
const tlsOf = (values: z.output<typeof shape>): TlsFiles | undefined => {
  const faults: string[] = [];
  const tls = readTlsPaths({ ...values, PADDOCK_CLUSTER: 'nomad' }, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return tls;
};

const inPlainWords = <T>(task: () => T): T => {
  try {
    return task();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof NomadConnectionError)
      throw new CliError(error.message, 2, { cause: error });
    throw error;
  }
};
