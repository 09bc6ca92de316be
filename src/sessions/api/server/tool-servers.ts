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
  /** Glob patterns for the tools that agents may use. */
  tools: z.array(z.string()).readonly(),
  timeoutSeconds: z.number(),
  from: z.enum(['settings', 'page']),
  /** The variable or corral.yaml key that overrides the stored values, or null. */
  setBy: z.string().nullable(),
  /** Templates that override this server with one of the same name. */
  templates: z.array(z.string()).readonly(),
  /** `wanted`: the server requires authorization, so a user can sign in. */
  signIn: z.enum(['none', 'wanted', 'done']),
  /** The result of the last call. Null if there has been none since Corral started. */
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

/** Settings take precedence over stored servers. Changes apply from a session's next turn. */
export interface ToolServerService {
  list(): Promise<readonly ListedToolServer[]>;
  /**
   * Stores the server, even if fetching its tool list fails. Rejects: invalid_request (an invalid name, address or
   * header, or a name in the settings), forbidden (a private address), conflict (50 servers exist).
   */
  put(name: string, server: ToolServerInput, signal: AbortSignal): Promise<ListedToolServer>;
  /**
   * A new address or an `Authorization` header ends the sign-in. Rejects: not_found, invalid_request (as for `put`, or
   * stored headers would be sent to another address), forbidden, conflict (the name is taken, or a concurrent change).
   */
  change(name: string, changes: ToolServerChanges, signal: AbortSignal): Promise<ListedToolServer>;
  /** Tests `entered`, or else the stored server, for at most 20 s. Stores nothing. */
  test(name: string, entered: ToolServerInput | undefined, signal: AbortSignal): Promise<ToolServerTestResult>;
  /** Rejects: not_found. */
  remove(name: string): Promise<void>;
  /** Returns the authorization URL. Rejects: not_found, unsupported, invalid_request (an invalid `returnTo`). */
  beginSignIn(name: string, returnTo: string, signal: AbortSignal): Promise<string>;
  /**
   * Rejects: not_found, invalid_request (an unknown or expired sign-in), unsupported (the sign-in was refused),
   * conflict (the address has changed).
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
