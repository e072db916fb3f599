import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

const module = join(import.meta.dirname, '../../../service/bin/log.ts');

/** What a process that logs so writes on standard output, each piece as it comes. */
const start = (program: string) => {
  const source = `import { openLog } from ${JSON.stringify(module)};
const { log, flush } = openLog('info');
process.once('exit', flush);
${program}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
};

test('an event waits for others, but not long', { timeout: 20_000 }, async () => {
  const child = start("log.info('one'); log.warn('two'); process.stdin.resume();");
  const [chunk] = await once(child.stdout, 'data');
  const lines = String(chunk).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['one', 'two'],
  );
  child.stdin.end();
  await once(child, 'exit');
});

test('what waits is written when the process ends, by a crash too', { timeout: 20_000 }, async () => {
  for (const end of ['', 'process.exit(3);', "throw new Error('crash');"]) {
    const child = start(`for (let i = 0; i < 40; i++) log.info({ i }, 'event'); ${end}`);
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    assert.equal(text.trim().split('\n').length, 40, end);
  }
});
