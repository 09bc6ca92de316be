export type DemoStep =
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'browse'; readonly urls: readonly string[] }
  | { readonly kind: 'delegate'; readonly task: string }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'fail'; readonly message: string };

export type DemoLanguage = 'en' | 'de';

export interface BuiltInTask {
  /** The task runs if the user's message equals one of these. */
  readonly asks: Readonly<Record<DemoLanguage, string>>;
  readonly units: readonly DemoStep[];
  readonly ends: Readonly<Record<DemoLanguage, string>>;
}
