/** One step of the demo model. */
export type Unit =
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'browse'; readonly urls: readonly string[] }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'fail'; readonly message: string };
