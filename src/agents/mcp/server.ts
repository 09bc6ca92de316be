import type { PortableParameters, RefusedParameters } from '../tools/outside/portable-schema.ts';

/** All text is the server's own and untrusted. */
export type McpTool = ListedMcpTool & (PortableParameters | RefusedParameters);
interface ListedMcpTool {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string;
}
