import { readdirSync } from 'node:fs';
import { isMissing } from './image-error.ts';

/** The names in a folder, none where it is not there. */
export const listFolder = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};
