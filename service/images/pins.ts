import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { ImageError, isMissing } from './image-error.ts';
import { imageNameSchema } from './layout.ts';
import { parseReference } from './reference.ts';

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
  const faults = pins.error.issues.map((issue) => `\n  ${issue.path.join('.') || 'file'}: ${issue.message}`);
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

/** Adds pins to a file, which is made where it is missing, and leaves the others in it as they are. */
export const writePins = (file: string, added: Readonly<Record<string, string>>): void => {
  let known: Pins = { images: {} };
  try {
    known = parsePins(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const images = Object.fromEntries(
    Object.entries({ ...known.images, ...added }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  writeFileSync(file, stringify({ images }, { lineWidth: 0 }));
};
