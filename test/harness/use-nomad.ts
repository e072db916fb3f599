import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { hostState, leaksSince, placesIn } from './leaks.ts';
import {
  type ClusterOptions,
  missingForNomad,
  type NomadCluster,
  startNomadCluster,
} from './nomad-cluster.ts';
import { type Installation, type InstallationOptions, installPaddock } from './nomad-paddock.ts';
import type { Service, StartOptions } from './start-service.ts';
import { waitFor } from './wait-for.ts';

export interface NomadForTests {
  /** Why the tests of the file cannot run here. */
  readonly skip: string | false;
  readonly cluster: NomadCluster;
  /** Dispatchers that are started on it are ended with the cluster. */
  install(options: InstallationOptions): Installation;
}

/**
 * A Nomad cluster for the tests of one file, started before the first and ended after the last. What it or Paddock on it
 * leave on the machine fails the file.
 */
export const useNomad = (options: ClusterOptions = {}): NomadForTests => {
  const skip = missingForNomad();
  const host = hostState();
  const services: Service[] = [];
  let cluster: NomadCluster | undefined;
  const started = (): NomadCluster => {
    if (!cluster) throw new Error('the cluster is started before the first test only');
    return cluster;
  };
  before(async () => {
    if (skip === false) cluster = await startNomadCluster(options);
  });
  after(async () => {
    if (!cluster) return;
    await Promise.all(services.map((service) => service.stop()));
    const places = placesIn(`${cluster.folder}/state`);
    const left = await cluster.stop();
    // Mounts of allocations that are not this cluster's are another's; its own are told already.
    const leaks = (): string[] =>
      leaksSince(host, places).filter((line) => !/^mount .*\/(?:secrets|private)$/.test(line));
    await waitFor(() => leaks().length === 0, { what: 'all to be gone', timeoutMs: 5_000 }).catch(() => {});
    assert.deepEqual([...left, ...leaks()], []);
  });
  return {
    skip,
    get cluster() {
      return started();
    },
    install(installation) {
      const installed = installPaddock(started(), installation);
      return {
        ...installed,
        async startDispatcher(start?: StartOptions) {
          const service = await installed.startDispatcher(start);
          services.push(service);
          return service;
        },
      };
    },
  };
};
