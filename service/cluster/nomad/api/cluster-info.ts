import { z } from 'zod';
import { jsonWebKeySetSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { readEvents } from './events.ts';
import { type NomadHttp, pathOf, readAnswer, type StreamTimeouts } from './http.ts';
import type { NomadClusterInfo } from './port.ts';

const selfSchema = z.object({ config: z.object({ Version: z.object({ Version: z.string() }) }) });

/** What concerns the cluster as a whole; `timeouts` are those of the event stream. */
export const createClusterInfo = (http: NomadHttp, timeouts: StreamTimeouts): NomadClusterInfo => ({
  async keys() {
    const ask: Ask = { method: 'GET', path: '/.well-known/jwks.json' };
    return readAnswer(ask, (await http.send(ask)).text, jsonWebKeySetSchema);
  },

  events: (topics, index, signal) => readEvents(http, topics, index, signal, timeouts),

  async self() {
    const agent: Ask = { method: 'GET', path: pathOf('agent', 'self'), needs: 'agent:read' };
    const status: Ask = { method: 'GET', path: pathOf('status', 'leader') };
    const [self, leader] = await Promise.all([http.send(agent), http.send(status)]);
    return {
      version: readAnswer(agent, self.text, selfSchema).config.Version.Version,
      leader: readAnswer(status, leader.text, z.string()),
    };
  },
});
