import type { Secret } from '../core/secret.ts';

/** A tool server as an operator configures it: a program in the sandbox, or an address. */
export type McpServer = Common &
  (
    | { readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
    | { readonly url: string; readonly headers: Readonly<Record<string, Secret>> }
  );
interface Common {
  /** Lower-case letters and digits, so that `mcp_<server>_<tool>` can be read in one way only. */
  readonly name: string;
  /** Globs of the tools that the model can call. */
  readonly tools: readonly string[];
  /** For one call, in ms. */
  readonly timeoutMs: number;
}

/** One tool as its server describes it, within our limits. Everything in it is the server's own, unchecked text. */
export interface McpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
  readonly schema: object;
}
