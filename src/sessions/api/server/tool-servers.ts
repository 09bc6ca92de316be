import { z } from 'zod';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

export const ToolServerAnswer = z.object({
  ok: z.boolean(),
  at: z.number(), // epoch ms
  /** In the words of the tool server. */
  tools: z.array(z.object({ name: z.string(), title: z.string().nullable(), description: z.string() })).readonly(),
  /** Why it cannot be used; empty when it answered. */
  message: z.string(),
});
export type ToolServerAnswer = z.infer<typeof ToolServerAnswer>;
/** A tool server as administrators see it. No value of a header is part of it. */
export const ListedToolServer = z.object({
  name: z.string(),
  /** `program`: it runs in the sandbox of each session. */
  kind: z.enum(['address', 'program']),
  /** The address, or the program's command. */
  at: z.string(),
  /** The names of its headers. */
  headers: z.array(z.string()).readonly(),
  /** Globs of the tools that agents can call. */
  tools: z.array(z.string()).readonly(),
  timeoutSeconds: z.number(),
  from: z.enum(['settings', 'page']),
  /** The variable or the key of corral.yaml that precedes what was entered in the page; null: none does. */
  setBy: z.string().nullable(),
  /** Templates with a server of this name, which takes precedence in their sessions. */
  templates: z.array(z.string()).readonly(),
  /** `wanted`: the server refused a caller without access, so a person can try to sign in. */
  signIn: z.enum(['none', 'wanted', 'done']),
  /** The last response to this server; null: not called since it started. */
  state: ToolServerAnswer.nullable(),
});
export type ListedToolServer = z.infer<typeof ListedToolServer>;
/** A tool server that a person enters. */
export interface EnteredAddress {
  readonly url: string;
  /** Undefined: the stored ones, where the address stays the same. */
  readonly headers?: Readonly<Record<string, Secret>> | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly timeoutSeconds?: number | undefined;
}
/** Changes of a tool server that a person entered. Absent fields stay as they are. */
export interface ToolServerChanges {
  /** The next name. */
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  /** By their names; null removes one. */
  readonly headers?: Readonly<Record<string, Secret | null>> | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly timeoutSeconds?: number | undefined;
}
/** The answer that a browser brought back from the authorization server. */
export interface SignInAnswer {
  readonly state: string;
  readonly code: string;
  readonly issuer?: string | undefined;
}

/**
 * The tool servers (MCP) of all sessions. Those of the settings precede those that people enter here. A change counts at
 * once in new sessions, and in others from their next turn on.
 */
export interface ToolServerService {
  list(): Promise<readonly ListedToolServer[]>;
  /**
   * Replaces the one of that name, and asks it for its tools. It is stored whether or not it answers. Rejects:
   * invalid_request (the settings have one of this name, the address or a header is none), forbidden (a private
   * address), conflict.
   */
  put(name: string, server: EnteredAddress, signal: AbortSignal): Promise<ListedToolServer>;
  /**
   * Changes the one of that name, and asks it for its tools. It is stored whether or not it answers. A sign-in ends with another
   * address and with an entered `Authorization`. Rejects: not_found, invalid_request (as `put`; stored headers would go to another
   * address), forbidden, conflict (the next name is taken).
   */
  change(name: string, changes: ToolServerChanges, signal: AbortSignal): Promise<ListedToolServer>;
  /** Asks a server for its tools, for at most 20 s: the one of that name, or one that a person enters. Stores nothing. */
  test(name: string, entered: EnteredAddress | undefined, signal: AbortSignal): Promise<ToolServerAnswer>;
  /** Rejects: not_found. */
  remove(name: string): Promise<void>;
  /** Resolves with the address at which a person agrees. Rejects: not_found, unsupported, invalid_request (`returnTo`). */
  beginSignIn(name: string, returnTo: string, signal: AbortSignal): Promise<string>;
  /** Rejects: not_found, invalid_request (no such sign-in was begun), unsupported (it was refused). */
  endSignIn(name: string, answer: SignInAnswer, signal: AbortSignal): Promise<ListedToolServer>;
  /** Forgets the access of the person who signed in. Rejects: not_found. */
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
