import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isMissing } from './image-error.ts';

/**
 * As `mkdir -p`, for a path that a person chose: Node's own `recursive` goes round for ever where a file system takes no
 * folders at all, as /proc does, and keeps even the signal to end from being heard.
 * @param mode of every folder that is made
 * @throws as mkdir does
 */
export const makeFolders = (path: string, mode: number): void => {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return;
    if (!isMissing(error) || isFolder(dirname(path))) throw error;
    makeFolders(dirname(path), mode);
    makeFolders(path, mode);
  }
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
