/** One step of the demo model. */
export type Unit =
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'browse'; readonly urls: readonly string[] }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'fail'; readonly message: string };

/** A task that the demo model knows by heart. Its files and commands are fixed, and they really run in the sandbox. */
export interface BuiltInTask {
  /** The messages, of which one is the whole message, in the languages of the page. */
  readonly asks: readonly string[];
  readonly units: readonly Unit[];
  /** The page in which it ends, and what a person sees there. */
  readonly ends: string;
}
