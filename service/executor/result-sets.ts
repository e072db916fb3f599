import { isUtf8 } from 'node:buffer';
import { type Limits, resultSetsSchema, type Stage } from '../contracts/index.ts';
import type { Sandbox } from './sandbox/port.ts';

type Part = Pick<Stage, 'resultSets' | 'resultSetsOmitted'>;

/** All result sets of one execution together: a request may have 200 tests. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Names, types and quotes around the values that the output limit is meant for. */
const BYTES_FOR_EACH_OF_OUTPUT = 4;

/** Reads result sets from sandboxes; `path` is undefined where the runtime has none. */
export const createResultSetReader = (path: string | undefined, limits: Limits) => {
  let left = MOST_BYTES;
  /** The file is the program's to write, or not to write: whatever is wrong with it is a reason, never an error. */
  return async (sandbox: Sandbox): Promise<Part> => {
    if (path === undefined) return {};
    const maxBytes = Math.min(left, limits.outputBytes * BYTES_FOR_EACH_OF_OUTPUT);
    const { files, omitted } = await sandbox.read([path], { maxFiles: 1, maxBytes });
    const content = files[0]?.content;
    if (!content) return { resultSetsOmitted: omitted[0]?.reason ?? 'the program left none' };
    left -= content.length;
    return parse(content);
  };
};

const parse = (content: Buffer): Part => {
  if (!isUtf8(content)) return { resultSetsOmitted: 'they are not UTF-8' };
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch {
    return { resultSetsOmitted: 'they are not valid JSON' };
  }
  const { success, data } = resultSetsSchema.safeParse(value);
  return success ? { resultSets: data } : { resultSetsOmitted: 'they do not have the shape of result sets' };
};
