/** Contains untrusted third-party text. */
export interface SearchHit {
  readonly title: string;
  readonly link: string;
  readonly snippet: string;
}

export interface WebSearch {
  readonly name: string;
  /** `count`: up to 20. Best hits first. Rejects with AppError, or the request's own error. */
  search(query: string, count: number, signal: AbortSignal): Promise<readonly SearchHit[]>;
}
