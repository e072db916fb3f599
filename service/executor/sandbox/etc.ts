import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { sandboxEtc } from '../../images/sandbox-etc.ts';

/** Parts of the host's /etc that toolchains need and that tell nothing about the host's users or secrets. */
const copied = [
  'ld.so.cache',
  'localtime',
  'timezone',
  'mime.types',
  'java-17-openjdk',
  'java-21-openjdk',
  'perl',
];

const written: Readonly<Record<string, string>> = {
  ...sandboxEtc,
  'os-release': 'NAME="Paddock sandbox"\nID=paddock\n',
};

const ALTERNATIVES = 'alternatives';
const MANUALS = '/usr/share/man/';

/** Most alternatives are pages of manuals, and making a thousand links would be half of an executor's start. */
const linkAlternatives = (folder: string): void => {
  if (!existsSync(`/etc/${ALTERNATIVES}`)) return;
  mkdirSync(`${folder}/${ALTERNATIVES}`, { mode: 0o755 });
  for (const entry of readdirSync(`/etc/${ALTERNATIVES}`, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const target = readlinkSync(`/etc/${ALTERNATIVES}/${entry.name}`);
    if (!target.startsWith(MANUALS)) symlinkSync(target, `${folder}/${ALTERNATIVES}/${entry.name}`);
  }
};

/**
 * Writes the /etc that all sandboxes of an executor share, read-only. One folder, made once: a mount for each file
 * would cost every sandbox a fraction of a millisecond.
 */
export const writeEtc = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(written))
    writeFileSync(`${folder}/${name}`, text, { mode: 0o644 });
  linkAlternatives(folder);
  for (const name of copied) {
    if (existsSync(`/etc/${name}`)) {
      cpSync(`/etc/${name}`, `${folder}/${name}`, { recursive: true, verbatimSymlinks: true });
    }
  }
};

const KEPT_UNUSED_MS = 14 * 24 * 3_600_000;
/** Raised when what is written changes in another way than its text. */
const FORMAT = 1;

/** Changes when packages are installed or removed: each part is replaced then, or something in it is. */
const revision = (): string => {
  const parts = [ALTERNATIVES, ...copied].map((name) => {
    const found = statSync(`/etc/${name}`, { throwIfNoEntry: false });
    return [name, found?.mtimeMs, found?.size];
  });
  const text = JSON.stringify([FORMAT, written, parts]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
};

const prune = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    if (Date.now() - statSync(path).mtimeMs >= KEPT_UNUSED_MS) rmSync(path, { recursive: true, force: true });
  }
};

/**
 * The same /etc for all executors of a machine, made by the first: a few hundred files are most of an executor's start
 * where the disk is busy.
 * @returns its folder in the cache
 * @throws where the cache cannot be written
 */
export const shareEtc = (cacheFolder: string): string => {
  const folder = `${cacheFolder}/etc`;
  const shared = `${folder}/${revision()}`;
  if (existsSync(shared)) {
    const now = new Date();
    utimesSync(shared, now, now);
    return shared;
  }
  const fresh = `${shared}.${randomUUID()}`;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeEtc(fresh);
  try {
    renameSync(fresh, shared);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(shared)) throw error; // otherwise another executor was faster: the same content
  }
  prune(folder);
  return shared;
};
