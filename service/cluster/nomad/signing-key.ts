import { type SigningKey, signingKeySchema } from '../trust/executor-token.ts';
import type { NomadVariables } from './api/port.ts';

/**
 * The key that all dispatchers of a cluster sign with. It is kept in a Nomad Variable, which Nomad encrypts and only
 * dispatchers' policy may read; the first dispatcher makes it.
 * @throws where the variable holds something else, or NomadError
 */
export const shareSigningKey = async (
  variables: NomadVariables,
  path: string,
  create: () => Promise<SigningKey>,
): Promise<SigningKey> => {
  const kept = await variables.get(path);
  if (kept) return read(path, kept.Items);
  const made = await create();
  if (await variables.put(path, { key: JSON.stringify(made) }, 0)) return made;
  // Another one was first.
  const theirs = await variables.get(path);
  if (!theirs) throw new Error(`the Nomad variable ${path} comes and goes`);
  return read(path, theirs.Items);
};

const read = (path: string, items: Readonly<Record<string, string>>): SigningKey => {
  try {
    return signingKeySchema.parse(JSON.parse(items.key ?? ''));
  } catch {
    // Without its cause, which would quote what is there into the log: it may be most of a key.
    throw new Error(`the Nomad variable ${path} holds no signing key of Paddock; remove it to have one made`);
  }
};
