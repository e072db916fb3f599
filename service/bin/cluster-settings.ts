import type { ClusterSettings } from '../cluster/nomad/job-spec.ts';
import type { NomadClusterConfig, TlsFiles } from './cluster-config.ts';

/** What a dispatcher and `paddock nomad register` must agree on, or they would undo each other's jobs. */
export type JobConfig = Pick<NomadClusterConfig, 'connection' | 'prefix' | 'home' | 'uiLink'> & {
  readonly tls: TlsFiles | undefined;
};

/** What the pools' jobs have in common. */
export const clusterSettings = (
  { connection, prefix, home, uiLink, tls }: JobConfig,
  projectRoot: string,
  version: string,
): ClusterSettings => ({
  ...{ prefix, tls, uiLink, version },
  ...{ namespace: connection.namespace, region: connection.region },
  home: home ?? projectRoot,
});
