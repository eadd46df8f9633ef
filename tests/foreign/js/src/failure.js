/**
 * Why a line could not do its work. The error of a `result` is thrown; what the host gets
 * is its property `payload`.
 */
export class Failure extends Error {
  constructor(message, kind = { tag: 'final' }) {
    super(message);
    this.payload = { kind, message };
  }

  /** One that may be gone later: the far side was busy or away. */
  static temporary(message, retryAfter) {
    return new Failure(message, { tag: 'temporary', val: retryAfter });
  }
}
