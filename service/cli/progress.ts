import type { CliContext } from './context.ts';
import { formatDuration } from './table.ts';

/**
 * A line on stderr while something takes longer than a second, gone when it ends. Only a person at a terminal gets it.
 * Call `stop` before writing anything else.
 */
export const startProgress = (context: CliContext, text: string): { stop(): void } => {
  if (context.stderr.isTTY !== true) return { stop: () => {} };
  const started = context.now();
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    context.stderr.write(`\r\u001b[K${text} … ${formatDuration(context.now() - started)}`);
  }, 1_000);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      if (shown) context.stderr.write('\r\u001b[K');
      shown = false;
    },
  };
};
