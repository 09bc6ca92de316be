export type DemoStep =
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'browse'; readonly urls: readonly string[] }
  | { readonly kind: 'delegate'; readonly task: string }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'fail'; readonly message: string };

export interface BuiltInTask {
  /** The task runs if the user's message equals one of these: one string for each language of the page. */
  readonly asks: readonly string[];
  readonly units: readonly DemoStep[];
  readonly ends: string;
}
