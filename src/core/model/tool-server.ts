import { z } from 'zod';
import type { Secret } from '../text/secret.ts';

/** A tool server that is a program in the session's sandbox. */
export const ToolProgram = z.object({
  /** Lower-case letters and digits, so that `mcp_<server>_<tool>` can be read in one way only. */
  name: z.string(),
  command: z.string(),
  args: z.array(z.string()).readonly(),
  env: z.record(z.string(), z.string()).readonly(),
  /** Globs of the tools that the model can call. */
  tools: z.array(z.string()).readonly(),
  /** The time of one call, in ms. */
  timeoutMs: z.number(),
});
export type ToolProgram = z.infer<typeof ToolProgram>;

/** A tool server at an address, which the server itself calls. */
export interface ToolAddress extends Pick<ToolProgram, 'name' | 'tools' | 'timeoutMs'> {
  readonly url: string;
  readonly headers: Readonly<Record<string, Secret>>;
  /** The networks that an address from the page may be in. Undefined: those of the settings. */
  readonly reach?: 'public' | 'private';
  /** Changes with the headers, which no text of a server shows. */
  readonly revision?: string;
  /** The access of a person who signed in, another one than the server `refused`. Rejects: unsupported. */
  readonly token?: (refused?: Secret) => Promise<Secret>;
  /** The vaults in which a token for it may be. Undefined: only its headers. */
  readonly vaults?: readonly string[];
}
export type McpServer = ToolProgram | ToolAddress;
