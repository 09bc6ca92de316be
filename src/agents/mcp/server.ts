import type { PortableParameters, UnsupportedParameters } from '../tools/outside/portable-schema.ts';

/** All text comes from the tool server and is untrusted. */
export type McpTool = ListedMcpTool & (PortableParameters | UnsupportedParameters);
interface ListedMcpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
}
