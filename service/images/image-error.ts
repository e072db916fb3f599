export type ImageErrorCode =
  /** The image itself is not fit to be unpacked, or not what its digest says. */
  | 'refused'
  | 'digest-mismatch'
  | 'not-found'
  | 'unauthorized'
  /** The registry could not be reached, or broke off. */
  | 'unreachable'
  | 'tool-missing'
  /** What the caller wrote cannot be understood. */
  | 'invalid'
  | 'failed';

/** Why an image could not be had, in words for the person who asked for it. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
