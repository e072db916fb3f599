import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { hashDescriptor } from './objects.ts';
import { fromText, rawNames, toPath, toText } from './raw-path.ts';
import type { StoredImage } from './record.ts';
import { readTree, type TreeEntry } from './tree.ts';

/** Something in an unpacked image that is not as it was when it was stored. */
export interface Difference {
  /** Relative to the root; empty for the image as a whole. */
  readonly path: string;
  readonly what: string;
}

/**
 * Reads every file of an image again and compares it with what was stored. Follows no links.
 * @param signal ends it between two files
 */
export const verifyImage = async (
  image: StoredImage,
  onFile: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Difference[]> => {
  const expected = readTree(join(dirname(image.root), 'tree.gz'), image.tree);
  if (expected === undefined) {
    const what = image.damaged ? 'its record is damaged' : 'the list of its files is damaged';
    return [{ path: '', what: `${what}; verify --remove takes it out, then pull it again` }];
  }
  const root = fromText(image.root);
  const differences: Difference[] = [];
  const found = listPaths(root);
  let done = 0;
  for (const entry of expected) {
    signal?.throwIfAborted();
    const what = compare(root, entry);
    if (what !== undefined) differences.push({ path: toText(entry.path), what });
    found.delete(entry.path);
    if (++done % 256 === 0) {
      onFile(done, expected.length);
      // Lets a signal and the progress through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for (const path of found) differences.push({ path: toText(path), what: 'was not there' });
  return differences;
};

const listPaths = (root: string): Set<string> => {
  const paths = new Set<string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(toPath(`${root}/${folder}`), { ...rawNames, withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      paths.add(path);
      if (entry.isDirectory()) visit(path);
    }
  };
  if (lstatSync(toPath(root), { throwIfNoEntry: false })?.isDirectory()) visit('');
  return paths;
};

const kindOf = (stat: Stats): string =>
  stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : stat.isFile() ? 'file' : 'special file';

const modeOf = (stat: Stats): number => stat.mode & 0o7777;
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

const compare = (root: string, entry: TreeEntry): string | undefined => {
  const path = toPath(`${root}/${entry.path}`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'is missing';
  const kind = kindOf(stat);
  if (kind !== entry.type) return `is a ${kind}, was a ${entry.type}`;
  if (entry.type === 'link') {
    const target = readlinkSync(path, rawNames);
    return target === entry.target
      ? undefined
      : `points to ${toText(target)}, did to ${toText(entry.target)}`;
  }
  const mode = entry.type === 'folder' ? 0o755 : entry.mode;
  if (modeOf(stat) !== mode) return `has the mode ${octal(modeOf(stat))}, had ${octal(mode)}`;
  return entry.type === 'file' ? compareContent(path, stat, entry) : undefined;
};

const compareContent = (
  path: Buffer,
  stat: Stats,
  entry: TreeEntry & { readonly type: 'file' },
): string | undefined => {
  if (stat.size !== entry.size) return `has ${stat.size} bytes, had ${entry.size}`;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile() || hashDescriptor(fd).sha256 !== entry.sha256) return 'has another content';
  } finally {
    closeSync(fd);
  }
  return Math.floor(stat.mtimeMs / 1_000) === entry.modified ? undefined : 'was changed: it has another time';
};
