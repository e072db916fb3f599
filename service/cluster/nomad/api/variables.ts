import { variableSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { NomadError } from './errors.ts';
import { type NomadHttp, pathOf, readAnswer } from './http.ts';
import type { NomadVariables } from './port.ts';

const conflict = 409;

/** https://developer.hashicorp.com/nomad/api-docs/variables */
export const createVariables = (http: NomadHttp): NomadVariables => {
  const write = (path: string, query: Record<string, string>, body: object): Ask => ({
    method: 'PUT',
    path: pathOf('var', ...path.split('/')),
    query,
    body: { Path: path, ...body },
    accept: [conflict],
    needs: `write of the variable ${path}`,
  });

  return {
    async get(path) {
      const ask = {
        method: 'GET',
        path: pathOf('var', ...path.split('/')),
        accept: [404],
        needs: `read of the variable ${path}`,
      } as const;
      const { status, text } = await http.send(ask);
      return status === 404 ? undefined : readAnswer(ask, text, variableSchema);
    },

    async put(path, items, checkIndex) {
      const { status } = await http.send(write(path, { cas: String(checkIndex) }, { Items: items }));
      return status !== conflict;
    },

    async acquire(path, items, { ttlMs, delayMs, id: held }) {
      const ask = write(
        path,
        { 'lock-acquire': '' },
        {
          Items: items,
          Lock: { TTL: `${ttlMs}ms`, LockDelay: `${delayMs}ms`, ...(held && { ID: held }) },
        },
      );
      const { status, text } = await http.send(ask);
      if (status === conflict) return undefined;
      const id = readAnswer(ask, text, variableSchema).Lock?.ID;
      if (!id) throw new NomadError(`Nomad locked the variable ${path} without saying the lock's id`, status);
      return id;
    },

    async renew(path, lockId) {
      const ask = write(path, { 'lock-renew': '' }, { Lock: { ID: lockId } });
      // Gone with its variable is as lost as held by somebody else.
      const { status } = await http.send({ ...ask, accept: [404, conflict] });
      return status < 300;
    },

    async release(path, lockId) {
      try {
        await http.send(write(path, { 'lock-release': '' }, { Lock: { ID: lockId } }));
      } catch (error) {
        // Nomad has no status of its own for a lock that has gone already.
        if (!(error instanceof NomadError && /variable doesn't (hold a lock|exist)/.test(error.message)))
          throw error;
      }
    },
  };
};
