import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { isMissing } from './image-error.ts';
import { sha256 } from './manifest.ts';

/** One path of an unpacked image, relative to its root, as a string of bytes (raw-path.ts). */
export type TreeEntry =
  | { readonly type: 'folder'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly modified: number;
      readonly size: number;
      readonly sha256: string;
    };

// Short, because there are tens of thousands of them.
const lineSchema = z.union([
  z.tuple([z.literal('d'), z.string()]),
  z.tuple([z.literal('l'), z.string(), z.string()]),
  z.tuple([z.literal('f'), z.string(), z.int(), z.int(), z.int(), z.string()]),
]);

const toLine = (entry: TreeEntry): z.infer<typeof lineSchema> => {
  switch (entry.type) {
    case 'folder':
      return ['d', entry.path];
    case 'link':
      return ['l', entry.path, entry.target];
    case 'file':
      return ['f', entry.path, entry.mode, entry.modified, entry.size, entry.sha256];
  }
};

const fromLine = (text: string): TreeEntry => {
  const line = lineSchema.parse(JSON.parse(text));
  switch (line[0]) {
    case 'd':
      return { type: 'folder', path: line[1] };
    case 'l':
      return { type: 'link', path: line[1], target: line[2] };
    case 'f':
      return {
        type: 'file',
        path: line[1],
        mode: line[2],
        modified: line[3],
        size: line[4],
        sha256: line[5],
      };
  }
};

/** @returns the digest of the file that was written */
export const writeTree = (path: string, entries: readonly TreeEntry[]): string => {
  const data = gzipSync(entries.map((entry) => `${JSON.stringify(toLine(entry))}\n`).join(''), { level: 4 });
  writeFileSync(path, data, { mode: 0o644, flag: 'wx' });
  return sha256(data);
};

const readIfThere = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** @returns undefined where the file is missing or not what its digest says */
export const readTree = (path: string, digest: string): TreeEntry[] | undefined => {
  const data = readIfThere(path);
  if (data === undefined || sha256(data) !== digest) return undefined;
  return gunzipSync(data).toString('utf8').trimEnd().split('\n').map(fromLine);
};
