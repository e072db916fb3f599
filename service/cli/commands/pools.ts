import type { CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { type ServiceOptions, withServiceOptions } from '../service-options.ts';

export const poolsCommand = ({
  context,
  done,
}: CommandEnvironment): CommandModule<object, ServiceOptions & { json?: boolean }> => ({
  command: 'pools',
  describe: 'Sets of like executors, and the room they have',
  builder: withServiceOptions,
  handler: async (options) => {
    const { createServiceClient } = await import('../service-client.ts');
    const { poolsResponseSchema } = await import('../../contracts/service.ts');
    const { formatTable } = await import('../table.ts');
    const client = await createServiceClient(context, options);
    const answer = await client.get('/v1/pools', poolsResponseSchema);
    if (options.json) {
      context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else {
      const rows = answer.pools.map((pool) => [
        pool.name,
        String(pool.executors),
        String(pool.running),
        String(pool.room),
        pool.capabilities.join(' ') || '-',
        pool.runtimes.join(' ') || '-',
      ]);
      context.stdout.write(
        formatTable(['name', 'executors', 'running', 'room', 'capabilities', 'runtimes'], rows),
      );
    }
    done(0);
  },
});
