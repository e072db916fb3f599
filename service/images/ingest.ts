import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createObjectLinker } from './objects.ts';
import { fromText, rawNames, toPath } from './raw-path.ts';
import { sandboxEtc } from './sandbox-etc.ts';
import { type TreeEntry, writeTree } from './tree.ts';

export interface IngestOrder {
  /** What was unpacked. It becomes the root as it lies here. */
  readonly root: string;
  readonly objects: string;
  /** On the same file system, empty. */
  readonly scratch: string;
  /** Where to write tree.gz. */
  readonly tree: string;
}

export interface IngestResult {
  readonly files: number;
  readonly bytes: number;
  readonly treeDigest: string;
}

/** What a sandbox mounts something on, so that nothing of the image is seen there. */
const mountPoints = ['proc', 'sys', 'dev', 'work', 'tmp', 'run', 'opt/paddock'];

const find = (raw: string): Stats | undefined => lstatSync(toPath(raw), { throwIfNoEntry: false });

/** Removes whatever is there. Links go, and are not followed. */
const removeTree = (raw: string): void => {
  const stat = find(raw);
  if (stat === undefined) return;
  if (stat.isDirectory()) {
    chmodSync(toPath(raw), 0o755);
    for (const name of readdirSync(toPath(raw), rawNames)) removeTree(`${raw}/${name}`);
    rmdirSync(toPath(raw));
  } else {
    unlinkSync(toPath(raw));
  }
};

const ensureFolder = (raw: string): void => {
  if (find(raw)?.isDirectory()) return;
  removeTree(raw);
  mkdirSync(toPath(raw), { mode: 0o755 });
};

/** Gives the root what every sandbox expects of it, whatever the image has in its place. */
const writeSkeleton = (root: string): void => {
  for (const path of mountPoints) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++)
      ensureFolder(`${root}/${parts.slice(0, depth).join('/')}`);
    removeTree(`${root}/${path}`);
    mkdirSync(toPath(`${root}/${path}`), { mode: 0o755 });
  }
  ensureFolder(`${root}/etc`);
  for (const [name, text] of Object.entries(sandboxEtc)) {
    const path = `${root}/etc/${name}`;
    removeTree(path);
    writeFileSync(toPath(path), text, { mode: 0o644, flag: 'wx' });
    // The same in all images, so they are one file on the disk.
    utimesSync(toPath(path), 0, 0);
  }
};

/**
 * Makes an unpacked image harmless and shares its files with other images: regular files become links to objects,
 * readable for all and writable for none but the owner; devices, FIFOs and sockets go; links stay as they are and are
 * never followed. Nothing else may have the folder open.
 */
export const ingest = (order: IngestOrder, onFile: (count: number) => void): IngestResult => {
  const link = createObjectLinker(order.objects, order.scratch);
  const entries: TreeEntry[] = [];
  let files = 0;
  let bytes = 0;
  const root = fromText(order.root);

  const visit = (path: string): void => {
    const raw = `${root}/${path}`;
    const stat = lstatSync(toPath(raw));
    if (stat.isDirectory()) {
      visitFolder(path);
    } else if (stat.isSymbolicLink()) {
      entries.push({ type: 'link', path, target: readlinkSync(toPath(raw), rawNames) });
    } else if (stat.isFile()) {
      // Without being root even an owner cannot read what nobody may.
      if ((stat.mode & 0o400) === 0) chmodSync(toPath(raw), 0o644 | (stat.mode & 0o111));
      const file = link(raw);
      entries.push({ type: 'file', path, ...file });
      bytes += file.size;
      if (++files % 256 === 0) onFile(files);
    } else {
      unlinkSync(toPath(raw));
    }
  };

  const visitFolder = (path: string): void => {
    const raw = path === '' ? root : `${root}/${path}`;
    chmodSync(toPath(raw), 0o755);
    if (path !== '') entries.push({ type: 'folder', path });
    for (const name of readdirSync(toPath(raw), rawNames).sort()) {
      visit(path === '' ? name : `${path}/${name}`);
    }
  };

  chmodSync(toPath(root), 0o755);
  writeSkeleton(root);
  visitFolder('');
  onFile(files);
  return { files, bytes, treeDigest: writeTree(order.tree, entries) };
};
