import { z } from 'zod';
import type { Secret } from '../text/secret.ts';
import type { ResourceOwnership } from './access/holder.ts';

/** Runs as a program in the session's sandbox. */
export const ToolProgram = z.object({
  /** Only lower-case letters and digits, so that `mcp_<server>_<tool>` is unambiguous. */
  name: z.string(),
  command: z.string(),
  args: z.array(z.string()).readonly(),
  env: z.record(z.string(), z.string()).readonly(),
  /** Globs. */
  tools: z.array(z.string()).readonly(),
  /** The maximum duration of each call, in milliseconds. */
  timeoutMs: z.number(),
});
export type ToolProgram = z.infer<typeof ToolProgram>;

/** Called by Corral directly, not from the sandbox. */
export interface RemoteToolServer extends Pick<ToolProgram, 'name' | 'tools' | 'timeoutMs'> {
  readonly url: string;
  readonly headers: Readonly<Record<string, Secret>>;
  /** Set only for servers added in the web UI. `private` allows private networks. */
  readonly reach?: 'public' | 'private';
  /** Changes with each edit or sign-in, because comparing the JSON would ignore secrets. */
  readonly revision?: string;
  /** Returns the user's access token. With `refused`, replaces the refused token. Rejects: unsupported. */
  readonly token?: (refused?: Secret) => Promise<Secret>;
  readonly vaults?: SessionVaults;
}
/** Vaults attached by a client. Valid only while the session has access to them. */
export interface SessionVaults {
  readonly ids: readonly string[];
  readonly session: ResourceOwnership;
}
export type McpServer = ToolProgram | RemoteToolServer;
