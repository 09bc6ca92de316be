/** Untrusted third-party text. */
export interface SearchHit {
  readonly title: string;
  readonly link: string;
  readonly snippet: string;
}

export interface WebSearch {
  readonly name: string;
  /** At most `count` hits (up to 20), best first. Rejects with AppError, or the error of an aborted or broken request. */
  search(query: string, count: number, signal: AbortSignal): Promise<readonly SearchHit[]>;
}
