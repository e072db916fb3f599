import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

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
  passwd:
    'root:x:0:0:root:/:/usr/sbin/nologin\nrunner:x:1000:1000:runner:/work:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  group: 'root:x:0:\nrunner:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost paddock\n::1 localhost\n',
  hostname: 'paddock\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'resolv.conf': '',
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
