/** Nomad did not answer, or answered with an error. */
export class NomadError extends Error {
  override readonly name = 'NomadError';
  /** The HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
