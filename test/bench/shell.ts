import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What a program sees outside: nothing of the developer's own environment. */
export const plainEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8' };

export interface Shell {
  /**
   * Runs one command line in `folder` and returns how long it took by the shell's own clock, in ms: Node's way of
   * starting processes is slower than a shell's and would flatter whatever is held against it.
   * @throws where it fails or prints anything else
   */
  time(folder: string, command: string, expectedStdout: string): Promise<number>;
  close(): Promise<void>;
}

const MARK = '--paddock-bench--';

/** One bash that stays, so that its start is in no measurement. */
export const openShell = (): Shell => {
  const child = spawn('/bin/bash', ['--noprofile', '--norc'], {
    env: plainEnvironment,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async time(folder, command, expectedStdout) {
      child.stdin.write(
        `cd '${folder}'; t0=$EPOCHREALTIME; { ${command}; } </dev/null; s=$?; t1=$EPOCHREALTIME; ` +
          `echo; echo ${MARK} $t0 $t1 $s\n`,
      );
      const said: string[] = [];
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error('the shell of the baselines has ended');
        if (!value.startsWith(MARK)) {
          said.push(value);
          continue;
        }
        const [, started, ended, status] = value.split(' ');
        const output = said.join('\n');
        if (status !== '0' || output !== expectedStdout)
          throw new Error(
            `the baseline "${command}" ended with ${status} and printed ${JSON.stringify(output)}`,
          );
        return (Number(ended) - Number(started)) * 1_000;
      }
    },
    async close() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
};

/** How often a command ran in a slice of time, and how long the slice really was. */
export interface Looped {
  readonly count: number;
  readonly perSecond: number;
  /** Wall time of one, by the loops that ran side by side, in ms. */
  readonly ms: number;
}

const loopScript = (folder: string, command: string, seconds: number): string => `
cd '${folder}' || exit 1
n=0; now() { t=\${EPOCHREALTIME/./}; }; now; start=$t; end=$((start + ${Math.round(seconds * 1e6)}))
while now; (( t < end )); do { ${command}; } </dev/null >/dev/null || exit 1; n=$((n+1)); done
echo $n $((t - start))`;

/** Runs the command over and over in a shell for each folder, side by side. Each finishes what it began. */
export const loopShells = async (
  command: string,
  folders: readonly string[],
  seconds: number,
): Promise<Looped> => {
  const outputs = await Promise.all(
    folders.map(async (folder) => {
      const script = loopScript(folder, command, seconds);
      const child = spawn('/bin/bash', ['--noprofile', '--norc', '-c', script], {
        env: plainEnvironment,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`the loop of "${command}" failed`);
      const [count, micros] = Buffer.concat(chunks).toString('utf8').trim().split(' ').map(Number);
      return { count: count ?? 0, seconds: (micros ?? 0) / 1e6 };
    }),
  );
  const perSecond = outputs.reduce((total, one) => total + one.count / one.seconds, 0);
  const count = outputs.reduce((total, one) => total + one.count, 0);
  return { count, perSecond, ms: (folders.length * 1_000) / perSecond };
};
