/** One tool as its server describes it, within our limits. Everything in it is the server's own, unchecked text. */
export interface McpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
  readonly schema: object;
}
