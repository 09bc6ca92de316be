/** One hit of a search of the web. Everything in it is text of others. */
export interface SearchHit {
  readonly title: string;
  readonly link: string;
  readonly snippet: string;
}

/** A search engine of the web. */
export interface WebSearch {
  readonly name: string;
  /** The best hits, at most `count` (up to 20). Rejects only with AppError. */
  search(query: string, count: number, signal: AbortSignal): Promise<readonly SearchHit[]>;
}
