import { lstatSync, readlinkSync, type Stats } from 'node:fs';

/** As many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * What a path means inside an image, seen from outside: links lead where they would lead with the image as the root,
 * never out of it.
 * @param root folder of the unpacked image
 * @param path absolute, as a program in the image would name it
 * @returns undefined where nothing is there, or where links go in circles
 */
export const inImage = (
  root: string,
  path: string,
): { readonly path: string; readonly stats: Stats } | undefined => {
  const ahead = path.split('/').filter((part) => part !== '' && part !== '.');
  const done: string[] = [];
  let links = 0;
  let stats = lstatSync(root, { throwIfNoEntry: false });
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = [...done, part].join('/');
    stats = statOf(`${root}/${here}`);
    if (!stats) return undefined;
    if (!stats.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const target = readlinkSync(`${root}/${here}`);
    if (target.startsWith('/')) done.length = 0;
    ahead.unshift(...target.split('/').filter((name) => name !== '' && name !== '.'));
  }
  const found = `/${done.join('/')}`;
  stats = statOf(`${root}${found}`);
  return stats && { path: found, stats };
};

/** Undefined also where something on the way is no folder. */
const statOf = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};
