/** One tool as its server describes it, within our limits. Everything in it is the server's own, unchecked text. */
export interface McpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
  /** The arguments in the form that every model provider takes. */
  readonly schema: object;
  /** The arguments of a model's call with the names that the server has for them. */
  readonly restore?: (args: unknown) => unknown;
  /** Why no model can be offered the tool, in words for a person. */
  readonly refused?: string;
}
