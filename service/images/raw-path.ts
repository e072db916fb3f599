/**
 * File names of images are bytes, not always text. They are kept as strings of one character a byte, which lose
 * nothing, and turned into bytes again for the kernel.
 */
export const toPath = (raw: string): Buffer => Buffer.from(raw, 'latin1');
export const fromText = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
/** For people. */
export const toText = (raw: string): string => toPath(raw).toString('utf8');
export const rawNames = { encoding: 'latin1' } as const;
