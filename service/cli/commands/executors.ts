import type { CommandModule } from 'yargs';
import type { ExecutorsResponse } from '../../contracts/service.ts';
import type { CommandEnvironment } from '../context.ts';
import { type ServiceOptions, withServiceOptions } from '../service-options.ts';

export const executorsCommand = ({
  context,
  done,
}: CommandEnvironment): CommandModule<object, ServiceOptions & { json?: boolean }> => ({
  command: 'executors',
  describe: 'The agents that run sandboxes, and how busy they are',
  builder: withServiceOptions,
  handler: async (options) => {
    const { createServiceClient } = await import('../service-client.ts');
    const { executorsResponseSchema } = await import('../../contracts/service.ts');
    const client = await createServiceClient(context, options);
    const answer = await client.get('/v1/executors', executorsResponseSchema);
    context.stdout.write(
      options.json ? `${JSON.stringify(answer, null, 2)}\n` : await tableOf(answer.executors),
    );
    done(0);
  },
});

const tableOf = async (executors: ExecutorsResponse['executors']): Promise<string> => {
  const { formatBytes, formatTable } = await import('../table.ts');
  const rows = executors.map((executor) => [
    executor.id,
    executor.node,
    executor.pool,
    executor.state,
    `${executor.running}/${executor.maxRunning}`,
    `${executor.warm.reduce((sum, warm) => sum + warm.ready, 0)} (${formatBytes(executor.warmBytes)})`,
    String(executor.counters.executions),
    formatBytes(executor.rssBytes),
    `${executor.isolation.sandbox}, cgroup ${executor.isolation.cgroup}`,
  ]);
  const weaker = [...new Set(executors.flatMap((executor) => executor.isolation.weaker))];
  const head = ['id', 'node', 'pool', 'state', 'running', 'warm', 'done', 'memory', 'isolation'];
  return formatTable(head, rows) + weaker.map((text) => `weaker here: ${text}\n`).join('');
};
