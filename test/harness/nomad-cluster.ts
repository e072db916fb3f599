import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type NomadAgent, nomadAgent } from './nomad-agent.ts';
import {
  type Authority,
  makeAuthority,
  type NomadCertificates,
  nomadCertificates,
} from './nomad-certificates.ts';
import {
  CLUSTER_FOLDER_PREFIX,
  cgroupsOf,
  clear,
  clearAbandoned,
  leftOf,
  listeningPorts,
  mountsBelow,
  processesOf,
  removeCgroups,
} from './nomad-leftovers.ts';
import { type NomadNode, nomadNode, unmount } from './nomad-node.ts';
import {
  choosePorts,
  type NodePlan,
  type PortBlock,
  planClients,
  planServer,
  serverConfig,
  threeNodes,
} from './nomad-plan.ts';
import { type NomadRequests, nomadRequests } from './nomad-requests.ts';
import { waitFor } from './wait-for.ts';

/** Why there can be no Nomad cluster here. */
export const missingForNomad = (): string | false => {
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('nomad', ['version']).status !== 0) return 'no nomad on PATH';
  return false;
};

export interface ClusterOptions {
  readonly nodes?: readonly NodePlan[];
  readonly acl?: boolean;
  readonly tls?: boolean;
}

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NomadCluster extends NomadRequests {
  readonly address: string;
  /** Of everything that the cluster writes; others may pass through it. */
  readonly folder: string;
  /** Where TLS is on. */
  readonly authority: Authority | undefined;
  /** What the nomad command line and dispatchers find the cluster by, a management token included where ACLs are on. */
  readonly environment: Readonly<Record<string, string>>;
  readonly server: NomadAgent;
  node(name: string): NomadNode;
  /** Runs the nomad command line against it. */
  nomad(...args: readonly string[]): CommandResult;
  /** Ends all jobs, then all agents. @returns what was left on the machine, one line each */
  stop(): Promise<string[]>;
}

interface Parts {
  readonly folder: string;
  readonly server: NomadAgent;
  readonly ports: PortBlock;
  readonly nodes: readonly NomadNode[];
  readonly requests: NomadRequests;
}

const makeFolder = (): string => {
  clearAbandoned(unmount);
  const folder = mkdtempSync(join(tmpdir(), CLUSTER_FOLDER_PREFIX));
  writeFileSync(join(folder, 'owner'), String(process.pid));
  // Executors may keep their places below, and their sandboxes pass through as users of their own.
  chmodSync(folder, 0o711);
  return folder;
};

const idListSchema = z.array(z.object({ ID: z.string() }));

const endJobs = async ({ nodes, requests }: Parts): Promise<void> => {
  for (const { ID } of idListSchema.parse(await requests.get('/v1/jobs')))
    await requests.get(`/v1/job/${encodeURIComponent(ID)}?purge=true`, { method: 'DELETE' });
  const tasks = () => nodes.flatMap(({ allocationsFolder }) => processesOf(allocationsFolder));
  await waitFor(() => tasks().length === 0, { what: 'tasks to end', timeoutMs: 30_000 });
};

const noPorts: PortBlock = { from: 0, to: 0 };

/** Nomad leaves the tmpfs of what was an allocation's secrets until it collects the allocation. */
const isSecrets = (path: string): boolean => /\/(?:secrets|private)$/.test(path);

const endCluster = async (parts: Parts): Promise<string[]> => {
  const { folder, server, ports, nodes, requests } = parts;
  const faults: string[] = [];
  await endJobs(parts).catch((error: Error) => faults.push(`jobs did not end: ${error.message}`));
  const listed = idListSchema.safeParse(await requests.get('/v1/allocations').catch(() => []));
  const allocations = new Set(listed.data?.map(({ ID }) => ID));
  // What a server that does not answer cannot tell is on the disk still.
  for (const node of nodes) for (const id of node.allocations()) allocations.add(id);
  // A client clears a task's cgroups a moment after its end: one that ends meanwhile would leave them.
  const cgroups = () => leftOf({ folder: `${folder}/none`, allocations, ports: noPorts });
  await waitFor(() => cgroups().length === 0, { what: 'cgroups to go', timeoutMs: 5_000 }).catch(() => {});
  await Promise.all(nodes.map((node) => node.stop()));
  await server.stop();
  await requests.close();
  for (const path of mountsBelow(folder).filter(isSecrets)) unmount(path);
  const left = () => leftOf({ folder, allocations, ports });
  await waitFor(() => left().length === 0, { what: 'all to be gone', timeoutMs: 5_000 }).catch(() => {});
  faults.push(...left());
  clear(folder, unmount);
  removeCgroups(cgroupsOf(allocations));
  return faults;
};

const addressing = (
  address: string,
  certificates: NomadCertificates | undefined,
  managementToken: string | undefined,
): Record<string, string> => ({
  NOMAD_ADDR: address,
  ...(managementToken !== undefined && { NOMAD_TOKEN: managementToken }),
  ...(certificates && {
    NOMAD_CACERT: certificates.ca,
    NOMAD_CLIENT_CERT: certificates.cli.cert,
    NOMAD_CLIENT_KEY: certificates.cli.key,
  }),
});

/** A real Nomad: one server and some clients, as processes of this machine on loopback. */
export const startNomadCluster = async (options: ClusterOptions = {}): Promise<NomadCluster> => {
  const folder = makeFolder();
  const authority = options.tls ? makeAuthority(join(folder, 'tls')) : undefined;
  const certificates = authority && nomadCertificates(authority);
  const common = { folder, acl: options.acl ?? false, certificates };
  const ports = choosePorts(listeningPorts());
  const plan = planServer(common, ports);
  const address = `${certificates ? 'https' : 'http'}://127.0.0.1:${plan.ports.http}`;
  let managementToken: string | undefined;
  const requests = nomadRequests(address, certificates, () => managementToken);
  const server = nomadAgent(
    plan,
    serverConfig(plan),
    async () => (await requests.get('/v1/status/leader')) !== '',
  );
  const clients = planClients(options.nodes ?? threeNodes, common, ports);
  const nodes = clients.map((client) => nomadNode(client, requests));
  try {
    await server.start();
    if (options.acl) {
      const answer = await requests.get('/v1/acl/bootstrap', { method: 'POST' });
      managementToken = z.object({ SecretID: z.string() }).parse(answer).SecretID;
    }
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await Promise.all([...nodes, server].map((agent) => agent.stop('SIGKILL')));
    clear(folder, unmount);
    throw error;
  }
  const environment = addressing(address, certificates, managementToken);
  return {
    ...{ ...requests, address, folder, authority, environment, server },
    node(name) {
      const found = nodes.find((node) => node.name === name);
      if (!found) throw new Error(`there is no node ${name}`);
      return found;
    },
    nomad(...args) {
      const env = { ...process.env, ...environment };
      const { status, stdout, stderr } = spawnSync('nomad', args, { env, encoding: 'utf8', timeout: 30_000 });
      return { status, stdout, stderr };
    },
    stop: () => endCluster({ folder, server, ports, nodes, requests }),
  };
};
