import { NomadError } from '../../cluster/nomad/api/errors.ts';
import type { NomadApi } from '../../cluster/nomad/api/port.ts';

export interface LeadingDispatcher {
  readonly dispatcher: string;
  readonly url: string;
}

/** Who holds the lock: its id is among the items, because Nomad shows locks themselves to management tokens only. */
export const leaderOf = async (api: NomadApi, prefix: string): Promise<LeadingDispatcher | undefined> => {
  const variable = await api.variables.get(`${prefix}/leader`);
  const { dispatcher, url, lock } = variable?.Items ?? {};
  return lock && dispatcher && url ? { dispatcher, url } : undefined;
};

/** What a token may not read is left out of the answer; the rest is worth having. */
export const unlessForbidden = async <T>(asked: Promise<T>): Promise<T | 'forbidden'> => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NomadError && error.status === 403) return 'forbidden';
    throw error;
  }
};
