import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { lockFile } from './file-lock.ts';
import { ImageError, isMissing } from './image-error.ts';
import { imageNameSchema } from './layout.ts';
import { parseReference } from './reference.ts';
import { writeWhole } from './work-folder.ts';

const pinnedSchema = z.string().check((context) => {
  try {
    const reference = parseReference(context.value);
    if (reference.kind === 'registry' && reference.digest !== undefined) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: 'is not pinned: it ends with @sha256:HEX',
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    context.issues.push({ code: 'custom', input: context.value, message });
  }
});

/** Which image each name stands for, by digest: what makes all nodes the same. */
export const pinsSchema = z.strictObject({ images: z.record(imageNameSchema, pinnedSchema) });
export type Pins = z.infer<typeof pinsSchema>;

/** @throws ImageError that lists every fault */
export const parsePins = (text: string, file: string): Pins => {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw new ImageError(
      'invalid',
      `${file} is not YAML: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  const pins = pinsSchema.safeParse(document);
  if (pins.success) return pins.data;
  const faults = pins.error.issues.map((issue) => {
    // What is wrong with a key stands one level down.
    const { message } = issue.code === 'invalid_key' ? (issue.issues[0] ?? issue) : issue;
    return `\n  ${issue.path.join('.') || 'file'}: ${message}`;
  });
  throw new ImageError('invalid', `${file} is not a file of pinned images:${faults.join('')}`);
};

export const readPins = (file: string): Pins => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const why = isMissing(cause) ? 'is missing' : 'cannot be read';
    throw new ImageError('invalid', `the file of pinned images ${file} ${why}`, { cause });
  }
  return parsePins(text, file);
};

/**
 * Adds pins to a file, which is made where it is missing, and leaves the others in it as they are. Of several builds at
 * once, one after the other.
 */
export const writePins = async (file: string, added: Readonly<Record<string, string>>): Promise<void> => {
  // The lock would make it.
  if (!existsSync(dirname(file))) throw new ImageError('invalid', `there is no folder ${dirname(file)}`);
  const lock = await lockFile(file, {});
  try {
    const text = readFileSync(file, 'utf8');
    const known: Pins = text === '' ? { images: {} } : parsePins(text, file);
    const images = Object.fromEntries(
      Object.entries({ ...known.images, ...added }).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    writeWhole(file, stringify({ images }, { lineWidth: 0 }));
  } finally {
    lock.release();
  }
};
