/** Contains untrusted third-party text. */
export interface SearchHit {
  readonly title: string;
  readonly link: string;
  readonly snippet: string;
}

export interface WebSearch {
  readonly name: string;
  /**
   * Resolves with at most `count` hits (up to 20), best first. Rejects with AppError, or with the request's own error.
   */
  search(query: string, count: number, signal: AbortSignal): Promise<readonly SearchHit[]>;
}
