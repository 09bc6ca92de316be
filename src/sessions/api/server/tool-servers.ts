import { z } from 'zod';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

export const ToolServerTestResult = z.object({
  ok: z.boolean(),
  at: z.number(), // epoch ms
  tools: z.array(z.object({ name: z.string(), title: z.string().nullable(), description: z.string() })).readonly(),
  /** Why the server cannot be used; empty if it responded. */
  message: z.string(),
});
export type ToolServerTestResult = z.infer<typeof ToolServerTestResult>;
/** Never contains a header's value. */
export const ListedToolServer = z.object({
  name: z.string(),
  kind: z.enum(['address', 'program']),
  /** The address, or the program's command. */
  at: z.string(),
  headers: z.array(z.string()).readonly(),
  /** Globs of the tools that agents can use. */
  tools: z.array(z.string()).readonly(),
  timeoutSeconds: z.number(),
  from: z.enum(['settings', 'page']),
  /** The variable or corral.yaml key that overrides the stored values, or null. */
  setBy: z.string().nullable(),
  /** Templates that override this server with one of the same name. */
  templates: z.array(z.string()).readonly(),
  /** `wanted`: the server requires authorization, so a user can sign in. */
  signIn: z.enum(['none', 'wanted', 'done']),
  /** The result of the last call to the server. Null if there was none since Corral started. */
  state: ToolServerTestResult.nullable(),
});
export type ListedToolServer = z.infer<typeof ListedToolServer>;
export interface ToolServerInput {
  readonly url: string;
  /** Undefined: keeps the stored headers unless the address changes. */
  readonly headers?: Readonly<Record<string, Secret>> | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly timeoutSeconds?: number | undefined;
}
export interface ToolServerChanges {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  /** Keyed by header name; null removes a header. */
  readonly headers?: Readonly<Record<string, Secret | null>> | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly timeoutSeconds?: number | undefined;
}
export interface SignInRedirect {
  readonly state: string;
  readonly code: string;
  readonly issuer?: string | undefined;
}

/**
 * MCP tool servers for all sessions. Settings take precedence over stored servers. Changes apply to existing sessions
 * from their next turn.
 */
export interface ToolServerService {
  list(): Promise<readonly ListedToolServer[]>;
  /**
   * Creates or replaces a server, even if it does not respond, and fetches its tool list. Rejects: invalid_request (the
   * name, address or a header is invalid, or the name is in the settings), forbidden (a private address), conflict (50
   * servers exist).
   */
  put(name: string, server: ToolServerInput, signal: AbortSignal): Promise<ListedToolServer>;
  /**
   * Changes a server, even if it does not respond, and fetches its tool list. A new address or an `Authorization`
   * header ends the sign-in. Rejects: not_found, invalid_request (as for `put`, or stored headers would be sent to
   * another address), forbidden, conflict (the name is taken, or a concurrent change).
   */
  change(name: string, changes: ToolServerChanges, signal: AbortSignal): Promise<ListedToolServer>;
  /** Fetches the tool list of `entered`, or else of the stored server. Waits at most 20 s. Stores nothing. */
  test(name: string, entered: ToolServerInput | undefined, signal: AbortSignal): Promise<ToolServerTestResult>;
  /** Rejects: not_found. */
  remove(name: string): Promise<void>;
  /**
   * Returns the URL where the user authorizes access. Rejects: not_found, unsupported, invalid_request (an invalid
   * `returnTo`).
   */
  beginSignIn(name: string, returnTo: string, signal: AbortSignal): Promise<string>;
  /**
   * Rejects: not_found, invalid_request (the sign-in is unknown or expired), unsupported (it was refused), conflict (the
   * address has changed).
   */
  endSignIn(name: string, answer: SignInRedirect, signal: AbortSignal): Promise<ListedToolServer>;
  /** Deletes the sign-in's access tokens. Rejects with not_found. */
  signOut(name: string): Promise<ListedToolServer>;
}

export const toolServerRules: ServiceRules<ToolServerService> = {
  list: { may: 'admin', audit: null },
  put: { may: 'admin', audit: 'tool-server.put' },
  change: { may: 'admin', audit: 'tool-server.change' },
  test: { may: 'admin', audit: 'tool-server.test' },
  remove: { may: 'admin', audit: 'tool-server.remove' },
  beginSignIn: { may: 'admin', audit: 'tool-server.sign-in' },
  endSignIn: { may: 'admin', audit: 'tool-server.signed-in' },
  signOut: { may: 'admin', audit: 'tool-server.sign-out' },
};
