import type { ImageProgress } from '../../images/pull.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, formatDuration } from '../table.ts';

const WIDTH = 24;
const REDRAW_MS = 100;

const stages: Readonly<Record<ImageProgress['stage'] | 'verify', string>> = {
  download: 'downloading',
  check: 'checking',
  unpack: 'unpacking',
  store: 'storing',
  verify: 'verifying',
};

interface Shown {
  readonly stage: keyof typeof stages;
  readonly done: number;
  readonly total: number;
}

const amount = ({ stage, done, total }: Shown): string => {
  if (stage === 'store' || stage === 'verify') return `${done} of ${total} files`;
  return stage === 'unpack' ? formatBytes(total) : `${formatBytes(done)} of ${formatBytes(total)}`;
};

const drawBar = (share: number): string => {
  const full = Math.round(Math.min(share, 1) * WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
};

export interface ImageBar {
  show(progress: Shown): void;
  /** For what has no measure: the last thing that a tool said. */
  say(line: string): void;
  /** Call it before anything else is written. */
  stop(): void;
}

/** How far one image is: a bar for a person at a terminal, else one line for each stage. */
export const startImageBar = (context: CliContext, name: string): ImageBar => {
  const { stderr } = context;
  if (stderr.isTTY !== true) return plainLines(context, name);
  const started = context.now();
  let drawn = Number.NEGATIVE_INFINITY;
  let stage: string | undefined;
  const draw = (text: string, key: string) => {
    const now = context.now();
    if (key === stage && now - drawn < REDRAW_MS) return;
    stage = key;
    drawn = now;
    stderr.write(`\r\u001b[K${text.slice(0, Math.max((stderr.columns ?? 80) - 1, 20))}`);
  };
  return {
    show(progress) {
      const elapsed = formatDuration(context.now() - started);
      const bar = progress.stage === 'unpack' ? '…' : drawBar(progress.done / Math.max(progress.total, 1));
      draw(`${name}  ${stages[progress.stage]} ${bar} ${amount(progress)}  ${elapsed}`, progress.stage);
    },
    say: (line) => draw(`${name}  ${line.replace(/[^\x20-\x7e]/g, ' ')}`, 'line'),
    stop() {
      if (stage !== undefined) stderr.write('\r\u001b[K');
      stage = undefined;
    },
  };
};

const plainLines = ({ stderr }: CliContext, name: string): ImageBar => {
  let stage: string | undefined;
  return {
    show(progress) {
      if (progress.stage === stage) return;
      stage = progress.stage;
      const { total } = progress;
      const size = stage === 'store' || stage === 'verify' ? `${total} files` : formatBytes(total);
      stderr.write(`${name}: ${stages[progress.stage]} ${size}\n`);
    },
    // Whoever reads a log of a build wants to see where it was.
    say: (line) => stderr.write(`${name}: ${line}\n`),
    stop: () => {},
  };
};
