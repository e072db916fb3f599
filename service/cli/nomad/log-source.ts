import type { NomadAllocations } from '../../cluster/nomad/api/port.ts';
import { executorGroup } from '../../cluster/nomad/job-spec.ts';

/** How much of a log's end is wanted. */
export type Tail = { readonly lines: number } | { readonly bytes: number };

export interface LogWish {
  readonly type: 'stdout' | 'stderr';
  readonly tail: Tail | undefined;
  readonly follow: boolean;
}

const lineBreak = 0x0a;
/** Of a line of the log, well above most. */
const guessedLineBytes = 512;

/** A log as lines without their breaks, from Nomad; with `follow` until the signal aborts. */
export async function* readLog(
  allocations: NomadAllocations,
  id: string,
  { type, tail, follow }: LogWish,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const read = (following: boolean, tailBytes: number | undefined) =>
    allocations.logs(
      id,
      { task: executorGroup, type, follow: following, ...(tailBytes !== undefined && { tailBytes }) },
      signal,
    );
  if (tail === undefined) return yield* linesOf(read(follow, undefined), false);
  if ('bytes' in tail) return yield* linesOf(read(follow, tail.bytes), false);
  const end = await lastLines((bytes) => read(false, bytes), tail.lines);
  if (!follow) return yield* linesOf(pieces(end.content), false);
  // One byte more than the lines: the break before them, unless something was written meanwhile.
  yield* linesOf(read(true, end.isWhole ? undefined : end.content.length + 1), !end.isWhole);
}

/** The end of a log that holds so many lines, or all of it where it has no more. */
const lastLines = async (
  read: (tailBytes: number) => AsyncIterable<Buffer>,
  lines: number,
): Promise<{ content: Buffer; isWhole: boolean }> => {
  for (let bytes = lines * guessedLineBytes; ; bytes *= 4) {
    const parts: Buffer[] = [];
    for await (const part of read(bytes)) parts.push(part);
    const content = Buffer.concat(parts);
    const start = startOfLast(content, lines);
    if (start > 0) return { content: content.subarray(start), isWhole: false };
    if (content.length < bytes) return { content, isWhole: true };
  }
};

/** Where the last so many lines begin; 0 where the content has no break before them. */
const startOfLast = (content: Buffer, lines: number): number => {
  // The last line may lack its break while it is being written.
  let at = content.at(-1) === lineBreak ? content.length - 1 : content.length;
  for (let found = 0; found < lines; found++) {
    if (at <= 0) return 0;
    at = content.lastIndexOf(lineBreak, at - 1);
  }
  return at + 1;
};

async function* pieces(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

/** What follows the last break comes at the end. `isCut`: what is before the first break belongs to an earlier line. */
async function* linesOf(parts: AsyncIterable<Buffer>, isCut: boolean): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let skip = isCut;
  for await (const part of parts) {
    let start = 0;
    for (let end = part.indexOf(lineBreak); end !== -1; end = part.indexOf(lineBreak, start)) {
      pending.push(part.subarray(start, end));
      if (!skip) yield Buffer.concat(pending).toString('utf8');
      skip = false;
      pending = [];
      start = end + 1;
    }
    if (start < part.length) pending.push(part.subarray(start));
  }
  if (pending.length > 0 && !skip) yield Buffer.concat(pending).toString('utf8');
}
