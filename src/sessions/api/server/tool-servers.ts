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
/** A tool server as administrators see it. Never contains a header's value. */
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
  /** The variable or corral.yaml key that overrides values entered on the page; null: none. */
  setBy: z.string().nullable(),
  /** Templates that define a server of this name. In a template's own sessions, its definition takes precedence. */
  templates: z.array(z.string()).readonly(),
  /** `wanted`: the server requires authorization, so a person can try to sign in. */
  signIn: z.enum(['none', 'wanted', 'done']),
  /** The result of the last call to the tool server; null: none since Corral started. */
  state: ToolServerTestResult.nullable(),
});
export type ListedToolServer = z.infer<typeof ListedToolServer>;
export interface ToolServerInput {
  readonly url: string;
  /** Undefined: keeps the stored headers if the address is unchanged. */
  readonly headers?: Readonly<Record<string, Secret>> | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly timeoutSeconds?: number | undefined;
}
/** Absent fields are unchanged. */
export interface ToolServerChanges {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  /** By name; null removes a header. */
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
 * Tool servers (MCP) for all sessions. Those in the settings take precedence over those entered here. A change applies
 * immediately to new sessions, and to existing sessions from their next turn.
 */
export interface ToolServerService {
  list(): Promise<readonly ListedToolServer[]>;
  /**
   * Creates or replaces the server of that name, and requests its list of tools. The server is stored even if it does not
   * respond. Rejects: invalid_request (an invalid name, address or header, or the name is in the settings), forbidden (a
   * private address), conflict (50 servers exist already).
   */
  put(name: string, server: ToolServerInput, signal: AbortSignal): Promise<ListedToolServer>;
  /**
   * Changes the server of that name, and requests its list of tools. The change is stored even if the server does not
   * respond. A new address or an `Authorization` header ends the sign-in. Rejects: not_found, invalid_request (as for `put`,
   * or stored headers would be sent to another address), forbidden, conflict (the new name is taken, or the server was
   * changed concurrently).
   */
  change(name: string, changes: ToolServerChanges, signal: AbortSignal): Promise<ListedToolServer>;
  /** Requests the list of tools from `entered`, or else from the server of that name, within 20 s. Changes no stored server. */
  test(name: string, entered: ToolServerInput | undefined, signal: AbortSignal): Promise<ToolServerTestResult>;
  /** Rejects: not_found. */
  remove(name: string): Promise<void>;
  /**
   * Returns the URL at which a person authorizes access. Rejects: not_found, unsupported, invalid_request (an invalid
   * `returnTo`).
   */
  beginSignIn(name: string, returnTo: string, signal: AbortSignal): Promise<string>;
  /**
   * Rejects: not_found, invalid_request (no such sign-in was started, or it expired), unsupported (the sign-in was refused),
   * conflict (the address was changed in the meantime).
   */
  endSignIn(name: string, answer: SignInRedirect, signal: AbortSignal): Promise<ListedToolServer>;
  /** Deletes the access tokens obtained by the sign-in. Rejects: not_found. */
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
