import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import { type NomadAgent, nomadAgent } from './nomad-agent.ts';
import { cgroupsOf, clear, removeCgroups } from './nomad-leftovers.ts';
import { type ClientPlan, clientConfig, dataFolder } from './nomad-plan.ts';
import type { NomadRequests } from './nomad-requests.ts';

/** A client of the cluster, as one machine of it. */
export interface NomadNode extends NomadAgent {
  readonly name: string;
  /** Where Nomad keeps allocations. */
  readonly allocationsFolder: string;
  /** Ids of those that it keeps something of. */
  allocations(): string[];
  id(): Promise<string>;
  /** As Nomad says: `initializing`, `ready`, `disconnected` or `down`; empty where it knows none of this name. */
  status(): Promise<string>;
  /** As the machine's death: agent, tasks and whatever they started are gone at once. It may start again, as a new node. */
  kill(): Promise<void>;
  drain(deadlineMs: number): Promise<void>;
  endDrain(): Promise<void>;
}

const nodeListSchema = z.array(z.object({ ID: z.string(), Name: z.string(), Status: z.string() }));

export const unmount = (path: string): void => {
  spawnSync('umount', ['-l', path]);
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

export const nomadNode = (plan: ClientPlan, { get }: NomadRequests): NomadNode => {
  /** One that was killed stays known for a while, beside its successor of the same name. */
  const known = async () => {
    const all = nodeListSchema.parse(await get('/v1/nodes')).filter(({ Name }) => Name === plan.name);
    return all.find(({ Status }) => Status === 'ready') ?? all[0];
  };
  const id = async (): Promise<string> => {
    const node = await known();
    if (!node) throw new Error(`Nomad knows no node ${plan.name}`);
    return node.ID;
  };
  const agent = nomadAgent(plan, clientConfig(plan), async () => (await known())?.Status === 'ready');
  const allocationsFolder = `${dataFolder(plan)}/alloc`;
  const setDrain = async (body: unknown): Promise<void> => {
    await get(`/v1/node/${await id()}/drain`, { method: 'PUT', body });
  };
  return {
    ...agent,
    name: plan.name,
    allocationsFolder,
    allocations: () => namesIn(allocationsFolder),
    id,
    status: async () => (await known())?.Status ?? '',
    async kill() {
      await agent.stop('SIGKILL');
      const allocations = new Set(namesIn(allocationsFolder));
      clear(dataFolder(plan), unmount);
      removeCgroups(cgroupsOf(allocations));
      mkdirSync(dataFolder(plan), { mode: 0o711 });
    },
    drain: (deadlineMs) => setDrain({ DrainSpec: { Deadline: deadlineMs * 1e6, IgnoreSystemJobs: false } }),
    endDrain: () => setDrain({ DrainSpec: null, MarkEligible: true }),
  };
};
