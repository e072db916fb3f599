import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { faultsOf } from '../contracts/errors.ts';
import { type PoolSpec, poolSpecSchema, poolsFileSchema } from '../contracts/pool.ts';
import { ConfigError } from './config.ts';

/** Without a file there is one pool with the usual settings. */
const usualPools = (): PoolSpec[] => [poolSpecSchema.parse({ name: 'default' })];

/**
 * The pools of PADDOCK_POOLS_FILE, YAML or JSON.
 * @throws ConfigError that lists every fault with its place
 */
export const readPools = (path: string | undefined): readonly PoolSpec[] => {
  if (path === undefined) return usualPools();
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`PADDOCK_POOLS_FILE: ${path} cannot be read: ${reason}`]);
  }
  const parsed = poolsFileSchema.safeParse(content);
  if (parsed.success) return Object.freeze(parsed.data.pools);
  throw new ConfigError(
    faultsOf(parsed.error).map((fault) => `${path}: ${fault.path || 'the file'}: ${fault.message}`),
  );
};
