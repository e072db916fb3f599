import type { ExecutionRequestInput } from '../../service/contracts/execution.ts';

export const hello: ExecutionRequestInput = { runtime: 'python', code: "print('hello')" };

/** Says `begun`, does nothing for a while and says `done`. */
export const sleeper = (seconds: number): ExecutionRequestInput => ({
  runtime: 'python',
  code: `import time\nprint('begun', flush=True)\ntime.sleep(${seconds})\nprint('done')\n`,
  limits: { wallMs: 60_000 },
});
