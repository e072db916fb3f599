import { readFile, writeFile } from 'node:fs/promises';
import { completeLock } from './lock-file.ts';

/**
 * Adds to package-lock.json the optional packages of other platforms, which npm leaves out where its registry or mirror
 * does not hold them; `npm ci` then refuses the file everywhere. Run it after `npm install`.
 */
const path = new URL('../package-lock.json', import.meta.url);
const { text, added } = completeLock(await readFile(path, 'utf8'));
await writeFile(path, text);
process.stdout.write(added.length === 0 ? 'Nothing is missing.\n' : `Added:\n  ${added.join('\n  ')}\n`);
