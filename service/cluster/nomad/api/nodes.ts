import { z } from 'zod';
import { type NodeInfo, nodePoolSchema, nodeSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { NomadError } from './errors.ts';
import { type NomadHttp, pathOf, readAnswer } from './http.ts';
import type { NomadNodes } from './port.ts';

/** https://developer.hashicorp.com/nomad/api-docs/nodes */
export const createNodes = (http: NomadHttp): NomadNodes => {
  const list = async (filter?: string): Promise<NodeInfo[]> => {
    const query: Record<string, string> = filter === undefined ? {} : { filter };
    const ask: Ask = { method: 'GET', path: pathOf('nodes'), query, needs: 'node:read' };
    return readAnswer(ask, (await http.send(ask)).text, z.array(nodeSchema));
  };

  return {
    list: () => list(),
    // Nomad's filter knows no drain; nodes that are drained are ineligible too, and those are few.
    draining: async () => (await list('SchedulingEligibility == "ineligible"')).filter(({ Drain }) => Drain),
    find: async (idOrName) => pickNode(await list(), idOrName),

    async drain(id, deadlineMs) {
      await http.send({
        method: 'POST',
        path: pathOf('node', id, 'drain'),
        body: {
          NodeID: id,
          DrainSpec: deadlineMs === undefined ? null : { Deadline: deadlineOf(deadlineMs) },
          MarkEligible: deadlineMs === undefined,
        },
        needs: 'node:write',
      });
    },

    async pools() {
      const ask: Ask = { method: 'GET', path: pathOf('node', 'pools'), needs: 'read of node pools' };
      return readAnswer(ask, (await http.send(ask)).text, z.array(nodePoolSchema));
    },
  };
};

// In nanoseconds; 0 would be no deadline at all, and less than 0 is at once.
const deadlineOf = (ms: number): number => (ms <= 0 ? -1 : Math.round(ms * 1e6));

const pickNode = (nodes: readonly NodeInfo[], idOrName: string): NodeInfo | undefined => {
  const whole = nodes.find(({ ID }) => ID === idOrName);
  if (whole) return whole;
  const named = nodes.filter(({ Name }) => Name === idOrName);
  const found = named.length > 0 ? named : nodes.filter(({ ID }) => idOrName && ID.startsWith(idOrName));
  if (found.length > 1) {
    const list = found.map(({ ID, Name }) => `${ID} (${Name})`).join(', ');
    throw new NomadError(`Several nodes are called ${idOrName}: ${list}`);
  }
  return found[0];
};
