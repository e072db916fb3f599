import type { CommandModule } from 'yargs';
import type { CommandEnvironment } from '../context.ts';
import { type ServiceOptions, withServiceOptions } from '../service-options.ts';

export const statsCommand = ({
  context,
  done,
}: CommandEnvironment): CommandModule<object, ServiceOptions & { json?: boolean }> => ({
  command: 'stats',
  describe: 'What the service has done and is doing',
  builder: withServiceOptions,
  handler: async (options) => {
    const { createServiceClient } = await import('../service-client.ts');
    const { statsResponseSchema } = await import('../../contracts/service.ts');
    const { formatDuration, formatTable } = await import('../table.ts');
    const client = await createServiceClient(context, options);
    const stats = await client.get('/v1/stats', statsResponseSchema);
    if (options.json) {
      context.stdout.write(`${JSON.stringify(stats, null, 2)}\n`);
    } else {
      const { latency, queue } = stats;
      const rows = [
        ['up for', formatDuration(stats.uptimeSeconds * 1_000)],
        ['running', String(stats.running)],
        ['waiting', `${queue.waiting} of at most ${queue.limit}`],
        ...Object.entries(queue.tenants).map(([tenant, waiting]) => [`  of ${tenant}`, String(waiting)]),
        ['executions', String(stats.executions.total)],
        ...Object.entries(stats.executions.byOutcome).map(([outcome, n]) => [`  ${outcome}`, String(n)]),
        ...(latency.samples > 0
          ? [
              ['median', formatDuration(latency.p50Ms)],
              ['95 %', formatDuration(latency.p95Ms)],
              ['99 %', `${formatDuration(latency.p99Ms)} (of the last ${latency.samples})`],
            ]
          : []),
      ];
      context.stdout.write(formatTable([], rows));
    }
    done(0);
  },
});
