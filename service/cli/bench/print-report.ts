import type { CliContext } from '../context.ts';
import { formatDuration } from '../table.ts';
import { type Bucket, bucketsOf, type Latencies, latenciesOf } from './histogram.ts';

/** What was measured, as --json gives it. */
export interface BenchReport {
  readonly url: string;
  readonly runtime: string;
  readonly connections: number;
  /** Requests a second that were asked for; null for as many as the connections take. */
  readonly rate: number | null;
  readonly durationMs: number;
  /** Answers that were what the program should give. */
  readonly executions: number;
  readonly perSecond: number;
  /** Null where there was no good answer. */
  readonly latencyMs: Latencies | null;
  readonly histogram: readonly Bucket[];
  /** Answers that were not what the program should give, and connections that failed, by what was wrong. */
  readonly wrong: Readonly<Record<string, number>>;
  /** Requests that were due and never sent: the service did not keep up with the rate. */
  readonly unsent: number;
}

export const figuresOf = (latencies: readonly number[]) =>
  latencies.length === 0
    ? { latencyMs: null, histogram: [] }
    : { latencyMs: latenciesOf(latencies), histogram: bucketsOf(latencies) };

const BAR_LENGTH = 40;

export const printReport = (context: CliContext, report: BenchReport): void => {
  const { latencyMs } = report;
  const lines = [
    `${report.runtime} at ${report.url}, ${connectionsOf(report)}, for ${formatDuration(report.durationMs)}`,
    '',
    `${report.executions} good answers, ${report.perSecond.toFixed(1)} a second`,
  ];
  if (latencyMs) {
    lines.push('', ...histogramLines(report.histogram), '');
    lines.push(
      (Object.entries({ ...latencyMs }) as [keyof Latencies, number][])
        .map(([name, ms]) => `${name === 'p999' ? 'p99.9' : name} ${formatDuration(ms)}`)
        .join('  '),
    );
  }
  lines.push('', ...verdictLines(report));
  context.stdout.write(`${lines.join('\n')}\n`);
};

const connectionsOf = ({ connections, rate }: BenchReport): string => {
  const many = `${connections} ${connections === 1 ? 'connection' : 'connections'}`;
  return rate === null ? many : `${many}, ${rate} requests a second`;
};

/** One line a bucket, its bar in proportion to the fullest. */
const histogramLines = (buckets: readonly Bucket[]): string[] => {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(...buckets.map(({ count }) => count));
  const bounds = buckets.map(({ toMs }) => `to ${roundMs(toMs)} ms`);
  const widths = { bound: widest(bounds), count: String(most).length };
  return buckets.map(({ count }, index) => {
    // Few among many still show: the tail is what one looks for.
    const bar = '█'.repeat(count === 0 ? 0 : Math.max(1, Math.round((count / most) * BAR_LENGTH)));
    const share = `${((count * 100) / total).toFixed(1)} %`;
    const bound = bounds[index]?.padStart(widths.bound);
    return `  ${bound}  ${String(count).padStart(widths.count)}  ${share.padStart(7)}  ${bar}`.trimEnd();
  });
};

const widest = (texts: readonly string[]): number => Math.max(...texts.map(({ length }) => length));

const roundMs = (ms: number): string => String(Number(ms.toPrecision(3)));

const verdictLines = ({ wrong, executions, unsent, rate }: BenchReport): string[] => {
  const reasons = Object.entries(wrong).sort(([, a], [, b]) => b - a);
  const count = reasons.reduce((total, [, times]) => total + times, 0);
  const lines =
    count === 0
      ? [executions === 0 ? 'No answer came in that time.' : 'Every answer was what the program should give.']
      : [`${count} of ${executions + count} went wrong:`, ...reasons.map(([what, n]) => `  ${n} × ${what}`)];
  if (reasons.filter(([what]) => what.startsWith('it printed')).length > 1)
    lines.push('A program that prints something else each time needs --any-output.');
  if (unsent > 0)
    lines.push(
      `The service did not keep up with ${rate} a second: ${unsent} requests were due and never sent.`,
    );
  return lines;
};
