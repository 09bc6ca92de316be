import { z } from 'zod';
import type { Secret } from '../text/secret.ts';
import type { ResourceOwnership } from './access/holder.ts';

/** A tool server that is a program in the session's sandbox. */
export const ToolProgram = z.object({
  /** Only lower-case letters and digits are valid, so that `mcp_<server>_<tool>` is unambiguous. */
  name: z.string(),
  command: z.string(),
  args: z.array(z.string()).readonly(),
  env: z.record(z.string(), z.string()).readonly(),
  /** Globs of the tools that the model can call. */
  tools: z.array(z.string()).readonly(),
  /** Time limit for one call, in ms. */
  timeoutMs: z.number(),
});
export type ToolProgram = z.infer<typeof ToolProgram>;

/** A remote tool server, which Corral calls directly instead of from the sandbox. */
export interface RemoteToolServer extends Pick<ToolProgram, 'name' | 'tools' | 'timeoutMs'> {
  readonly url: string;
  readonly headers: Readonly<Record<string, Secret>>;
  /** Whether a URL entered on the page may point into a private network. Undefined: the settings decide. */
  readonly reach?: 'public' | 'private';
  /** Changes with each edit or sign-in. Needed because servers are compared as JSON, which hides their secrets. */
  readonly revision?: string;
  /**
   * Returns the access token of a person who signed in; with `refused`, a new token instead of the refused one. Rejects:
   * unsupported.
   */
  readonly token?: (refused?: Secret) => Promise<Secret>;
  /** Vaults that may contain a token for this server. Undefined: none. */
  readonly vaults?: SessionVaults;
}
/** The vaults that a client attached to a session. They apply only while the session has access to them. */
export interface SessionVaults {
  readonly ids: readonly string[];
  readonly session: ResourceOwnership;
}
export type McpServer = ToolProgram | RemoteToolServer;
