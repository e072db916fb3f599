import type { NomadCertificates } from './nomad-certificates.ts';

/** What the agents of a cluster on this machine are configured with. */
export interface AgentPlan {
  readonly name: string;
  /** Of the cluster; the agent's data, log and configuration have its name below. */
  readonly folder: string;
  readonly ports: { readonly http: number; readonly rpc: number; readonly serf: number };
  readonly acl: boolean;
  readonly certificates: NomadCertificates | undefined;
}

export interface ClientPlan extends AgentPlan {
  readonly serverRpcPort: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly nodePool: string;
  readonly memoryMb: number;
  readonly dynamicPorts: { readonly from: number; readonly to: number };
}

export interface NodePlan {
  readonly name: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly nodePool?: string;
  /** What Nomad may give away; the machine's own is not looked at. */
  readonly memoryMb?: number;
}

/** A plain node, one with a GPU and one with an ARM processor, as far as their meta says; each in a pool of its own. */
export const threeNodes: readonly NodePlan[] = [
  { name: 'plain' },
  { name: 'gpu', meta: { gpu: 'test' }, nodePool: 'accelerated' },
  { name: 'arm', meta: { arm: 'true' }, nodePool: 'arm' },
];

export const dataFolder = ({ folder, name }: AgentPlan): string => `${folder}/${name}`;

/**
 * A cluster has a block of ports of its own: below those that the kernel gives to whoever asks for any, so that one that
 * somebody listens on after the cluster's end is one that it left.
 */
const BLOCKS = { first: 10_000, size: 1_200, count: 8 };
const PORTS_OF_A_NODE = 300;
const AGENTS = 3 * PORTS_OF_A_NODE;

export interface PortBlock {
  readonly from: number;
  readonly to: number;
}

/** One in which nobody listens. */
export const choosePorts = (listening: ReadonlySet<number>): PortBlock => {
  for (let tried = 0; tried < BLOCKS.count; tried++) {
    const from = BLOCKS.first + ((process.pid + tried) % BLOCKS.count) * BLOCKS.size;
    const to = from + BLOCKS.size - 1;
    if ([...listening].every((port) => port < from || port > to)) return { from, to };
  }
  throw new Error(`${BLOCKS.count} Nomad clusters of tests run on this machine already`);
};

const agentPorts = ({ from }: PortBlock, agent: number): AgentPlan['ports'] => {
  const http = from + AGENTS + 3 * agent;
  return { http, rpc: http + 1, serf: http + 2 };
};

type Common = Pick<AgentPlan, 'folder' | 'acl' | 'certificates'>;

export const planServer = (common: Common, block: PortBlock): AgentPlan => ({
  ...common,
  name: 'server',
  ports: agentPorts(block, 0),
});

/** @param nodes at most three, for the ports of their tasks */
export const planClients = (nodes: readonly NodePlan[], common: Common, block: PortBlock): ClientPlan[] =>
  nodes.map(({ name, meta = {}, nodePool = 'default', memoryMb = 16_384 }, index) => {
    const from = block.from + index * PORTS_OF_A_NODE;
    return {
      ...common,
      ...{ name, meta, nodePool, memoryMb },
      serverRpcPort: agentPorts(block, 0).rpc,
      ports: agentPorts(block, index + 1),
      dynamicPorts: { from, to: from + PORTS_OF_A_NODE - 1 },
    };
  });

const shared = (plan: AgentPlan, role: 'server' | 'client') => ({
  name: plan.name,
  region: 'global',
  datacenter: 'dc1',
  data_dir: dataFolder(plan),
  bind_addr: '127.0.0.1',
  // It takes loopback only where it is told twice.
  advertise: { http: '127.0.0.1', rpc: '127.0.0.1', serf: '127.0.0.1' },
  ports: plan.ports,
  log_level: 'INFO',
  disable_update_check: true,
  leave_on_interrupt: false,
  leave_on_terminate: false,
  acl: { enabled: plan.acl },
  // All of the machine comes from 127.0.0.1: executors, dispatchers and tests share its connections.
  limits: { http_max_conns_per_client: 1_000 },
  consul: { auto_advertise: false, server_auto_join: false, client_auto_join: false },
  ...(plan.certificates && {
    tls: {
      http: true,
      rpc: true,
      ca_file: plan.certificates.ca,
      cert_file: plan.certificates[role].cert,
      key_file: plan.certificates[role].key,
      verify_server_hostname: true,
      verify_https_client: true,
    },
  }),
});

export const serverConfig = (plan: AgentPlan) => ({
  ...shared(plan, 'server'),
  server: {
    enabled: true,
    bootstrap_expect: 1,
    raft_multiplier: 1,
    // A node that is silent is lost after the sum of the first two, or once more the first.
    min_heartbeat_ttl: '1s',
    heartbeat_grace: '3s',
    failover_heartbeat_ttl: '5s',
  },
});

export const clientConfig = (plan: ClientPlan) => ({
  ...shared(plan, 'client'),
  client: {
    enabled: true,
    servers: [`127.0.0.1:${plan.serverRpcPort}`],
    network_interface: 'lo',
    node_pool: plan.nodePool,
    meta: plan.meta,
    cpu_total_compute: 20_000,
    memory_total_mb: plan.memoryMb,
    min_dynamic_port: plan.dynamicPorts.from,
    max_dynamic_port: plan.dynamicPorts.to,
    max_kill_timeout: '10m',
    // Asking a cloud for what it knows of this machine takes seconds where there is none.
    options: { 'fingerprint.denylist': 'env_aws,env_gce,env_azure,env_digitalocean' },
  },
  plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }],
});
