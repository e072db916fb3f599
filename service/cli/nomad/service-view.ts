import {
  type ExecutorsResponse,
  executorsResponseSchema,
  type PoolsResponse,
  poolsResponseSchema,
} from '../../contracts/service.ts';
import { type CliContext, CliError } from '../context.ts';
import { createServiceClient } from '../service-client.ts';
import { type ServiceOptions, serviceUrl } from '../service-options.ts';

/** What a dispatcher knows of pools and executors, or why it was not to be had. */
export type ServiceView =
  | {
      readonly url: string;
      readonly pools: PoolsResponse['pools'];
      readonly leads: boolean | undefined;
      /** By their ids, which are those of their allocations. */
      readonly executors: ReadonlyMap<string, ExecutorsResponse['executors'][number]>;
    }
  | { readonly url: string; readonly missing: string };

/** Asks the service that flags or PADDOCK_URL name; otherwise the leading dispatcher, where one is known. */
export const askService = async (
  context: CliContext,
  options: ServiceOptions,
  leaderUrl: string | undefined,
): Promise<ServiceView> => {
  const isNamed = options.url !== undefined || Boolean(context.env.PADDOCK_URL);
  const asked = isNamed || leaderUrl === undefined ? options : { ...options, url: leaderUrl };
  const url = serviceUrl(context, asked);
  const client = await createServiceClient(context, asked);
  try {
    const [pools, { executors }] = await Promise.all([
      client.get('/v1/pools', poolsResponseSchema),
      client.get('/v1/executors', executorsResponseSchema),
    ]);
    const byId = new Map(executors.map((executor) => [executor.id, executor]));
    return { url, pools: pools.pools, leads: pools.leader, executors: byId };
  } catch (error) {
    if (context.signal.aborted || !(error instanceof CliError)) throw error;
    return { url, missing: error.message };
  }
};
