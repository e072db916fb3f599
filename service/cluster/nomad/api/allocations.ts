import { z } from 'zod';
import { allocationSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { type NomadHttp, pathOf, readAnswer } from './http.ts';
import type { NomadAllocations } from './port.ts';

/** https://developer.hashicorp.com/nomad/api-docs/allocations; `beginMs`: how long a log may take to begin. */
export const createAllocations = (http: NomadHttp, beginMs: number): NomadAllocations => ({
  async list(jobPrefix) {
    const ask: Ask = {
      method: 'GET',
      path: pathOf('allocations'),
      query: { resources: 'true', task_states: 'true', filter: beginsWith('JobID', jobPrefix) },
      needs: 'read-job',
    };
    const { text, index } = await http.send(ask);
    return { allocations: readAnswer(ask, text, z.array(allocationSchema)), index };
  },

  async get(id) {
    const ask = {
      method: 'GET',
      path: pathOf('allocation', id),
      accept: [404],
      needs: 'read-job',
    } as const;
    const { status, text } = await http.send(ask);
    return status === 404 ? undefined : readAnswer(ask, text, allocationSchema);
  },

  logs: (id, { task, type, follow, tailBytes }, signal) =>
    http.stream(
      {
        method: 'GET',
        path: pathOf('client', 'fs', 'logs', id),
        query: {
          task,
          type,
          plain: 'true',
          follow: String(follow),
          origin: tailBytes === undefined ? 'start' : 'end',
          // 0 bytes from the end are to Nomad the whole of the last file.
          offset: String(tailBytes === undefined ? 0 : Math.max(1, tailBytes)),
        },
        needs: 'read-logs',
      },
      signal,
      // A log that is followed begins with its first line, whenever that is written.
      { beginMs: follow ? 0 : beginMs, silenceMs: follow ? 0 : beginMs },
    ),
});

/** A filter expression: Go's regular expressions within a string of Go. */
const beginsWith = (field: string, prefix: string): string =>
  `${field} matches ${JSON.stringify(`^${prefix.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`)}`;
