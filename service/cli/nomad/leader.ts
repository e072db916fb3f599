import { NomadError } from '../../cluster/nomad/api/errors.ts';
import type { NomadApi } from '../../cluster/nomad/api/port.ts';

export interface LeadingDispatcher {
  readonly dispatcher: string;
  readonly url: string;
}

/** Whoever holds the lock; what is in the variable stays after the lock is gone. */
export const leaderOf = async (api: NomadApi, prefix: string): Promise<LeadingDispatcher | undefined> => {
  const variable = await api.variables.get(`${prefix}/leader`);
  const { dispatcher, url } = variable?.Items ?? {};
  return variable?.Lock && dispatcher && url ? { dispatcher, url } : undefined;
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
