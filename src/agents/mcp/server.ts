import type { PortableParameters, UnsupportedParameters } from '../tools/outside/portable-schema.ts';

/** Contains untrusted text from the tool server. */
export type McpTool = ListedMcpTool & (PortableParameters | UnsupportedParameters);
interface ListedMcpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
}
