/** One tool as its server describes it, within Corral's limits. All text is the server's own and untrusted. */
export interface McpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
  /** The arguments in a form that every model provider accepts. */
  readonly schema: object;
  /** Restores the server's own argument names in a model's call. */
  readonly restore?: (args: unknown) => unknown;
  /** Why the tool cannot be offered to any model, for people. */
  readonly refused?: string;
}
