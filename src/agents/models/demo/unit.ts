export type DemoStep =
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'browse'; readonly urls: readonly string[] }
  | { readonly kind: 'delegate'; readonly task: string }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'fail'; readonly message: string };

/** A built-in task with fixed files and commands, which really run in the sandbox. */
export interface BuiltInTask {
  /** Messages that start the task, in the page's languages. A user's message must equal one of them. */
  readonly asks: readonly string[];
  readonly units: readonly DemoStep[];
  /** Last paragraph of the final message if no call failed, for example to explain where the result is. */
  readonly ends: string;
}
