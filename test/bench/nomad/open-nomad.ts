import { missingForNomad, type NomadCluster, startNomadCluster } from '../../harness/nomad-cluster.ts';
import { type Installation, type InstallationOptions, installPaddock } from '../../harness/nomad-paddock.ts';
import type { Service } from '../../harness/start-service.ts';
import { type Client, createClient } from '../client.ts';
import { type Bench, Skip } from '../scenario.ts';

/** Paddock on a Nomad cluster of one node, all on this machine. */
export interface OnNomad {
  readonly cluster: NomadCluster;
  readonly installation: Installation;
  /** Its one dispatcher. */
  readonly service: Service;
  readonly client: Client;
}

export const POOL = 'bench';

interface Opened extends OnNomad {
  /** Once is enough. */
  stop(): Promise<void>;
}

const open = async (
  pool: Omit<InstallationOptions['pools'][number], 'name'>,
  env: Readonly<Record<string, string>>,
): Promise<Opened> => {
  const cluster = await startNomadCluster({ nodes: [{ name: 'bench' }] });
  let service: Service | undefined;
  let client: Client | undefined;
  const end = async (): Promise<void> => {
    client?.close();
    await service?.stop();
    // What may be left is removed by force; that nothing is, the tests hold.
    await cluster.stop();
  };
  let ended: Promise<void> | undefined;
  const stop = (): Promise<void> => (ended ??= end());
  try {
    const installation = installPaddock(cluster, {
      prefix: 'paddock',
      pools: [{ name: POOL, ...pool }],
      env,
    });
    service = await installation.startDispatcher();
    client = createClient(service.url);
    return { cluster, installation, service, client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/**
 * Starts a Nomad of its own with Paddock on it, and ends both.
 * @throws Skip where there is no Nomad
 */
export const onNomad = async <T>(
  bench: Bench,
  pool: Omit<InstallationOptions['pools'][number], 'name'>,
  use: (nomad: OnNomad) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> => {
  const missing = missingForNomad();
  if (missing !== false) throw new Skip(missing);
  bench.say('starting Nomad');
  const opened = await open(pool, env);
  bench.atEnd(opened.stop);
  try {
    return await use(opened);
  } finally {
    await opened.stop();
  }
};
