/** One hit of a web search. All text is third-party. */
export interface SearchHit {
  readonly title: string;
  readonly link: string;
  readonly snippet: string;
}

/** A web search engine. */
export interface WebSearch {
  readonly name: string;
  /** The best hits, at most `count` (up to 20). Rejects only with AppError. */
  search(query: string, count: number, signal: AbortSignal): Promise<readonly SearchHit[]>;
}
