import { type EventBatch, eventBatchSchema } from './answers.ts';
import type { Ask } from './ask.ts';
import { NomadError } from './errors.ts';
import { type NomadHttp, pathOf, readAnswer } from './http.ts';

/** Far above any batch; only keeps something that is not Nomad from eating the memory. */
const longestLineBytes = 64 * 1024 * 1024;
const lineBreak = 0x0a;

/** https://developer.hashicorp.com/nomad/api-docs/events: one batch a line, `{}` every 30 s where nothing happens. */
export async function* readEvents(
  http: NomadHttp,
  topics: readonly string[],
  index: number,
  signal: AbortSignal,
  timeouts: { readonly beginMs: number; readonly silenceMs: number },
): AsyncGenerator<EventBatch> {
  const ask: Ask = {
    method: 'GET',
    path: pathOf('event', 'stream'),
    query: { index: String(index), topic: topics },
    needs: 'read-job (and node:read for the topic Node)',
  };
  for await (const line of splitLines(http.stream(ask, signal, timeouts))) {
    if (line === '' || line === '{}') continue;
    yield readAnswer(ask, line, eventBatchSchema);
  }
  // Nomad has begun its answer before it looks at the token, and then has no other way to refuse than to end it.
  if (!signal.aborted) {
    throw new NomadError(
      `Nomad ended the event stream. If it does so at once, the token may lack ${ask.needs}`,
    );
  }
}

/** Lines of UTF-8 from parts that may end anywhere, within a character too. What follows the last break is dropped. */
export async function* splitLines(parts: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const part of parts) {
    let start = 0;
    for (let end = part.indexOf(lineBreak); end !== -1; end = part.indexOf(lineBreak, start)) {
      pending.push(part.subarray(start, end));
      const line = Buffer.concat(pending).toString('utf8');
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      yield line;
    }
    if (start === part.length) continue;
    pending.push(part.subarray(start));
    pendingBytes += part.length - start;
    if (pendingBytes > longestLineBytes) throw new NomadError('What Nomad streams has no line breaks');
  }
}
