import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { Purpose, Right } from '../../auth/signed-url.ts';
import type { Actor, Role } from '../../core/actor.ts';
import type { ErrorStyle } from './error-style.ts';
import { InvalidRequest, type Issue } from './error-style.ts';

// Every route says its schema and its document where it is registered; validation, the OpenAPI document, the guard
// and the list of routes all read that one place.

export type Tag = 'SheikhBox' | 'Crogia' | 'CambioML' | 'OpenCodex' | 'Desktop' | 'Server';

export interface ResponseDoc {
  readonly description: string;
  /** By media type. */
  readonly content?: Readonly<Record<string, { readonly schema?: z.ZodType; readonly example?: unknown }>>;
}
export interface RouteDoc {
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** Header parameters by name; the rest comes from the schemas. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By status; `default` stands for all that are not listed. */
  readonly responses: Readonly<Record<string, ResponseDoc>>;
  readonly bodyExample?: unknown;
  /** A body that is no JSON, by its media type. */
  readonly requestContent?: Readonly<Record<string, z.ZodType>>;
  /** It is one: asked for with an upgrade. */
  readonly websocket?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    doc?: RouteDoc;
    /** Answers without a token. */
    open?: true;
    /** Only for keys of this role, and those that may do more. */
    least?: Role;
    /** A signed link for this purpose opens it without a token. */
    signed?: Purpose;
    /** Changes nothing, whatever its method says. */
    reads?: true;
    /** Does not count against the rate limit. */
    free?: true;
    /** Stays open; a foreign page may not even start it. */
    stream?: true;
    /** Its body may take its time, as long as it keeps coming. */
    upload?: true;
    /** A WebSocket: no other route may be upgraded. */
    socket?: true;
    /** The token may also be among tRPC's connection parameters: in the query, or after an upgrade. */
    connectionParams?: true;
  }
  interface FastifyRequest {
    /** `routeOptions`, read once: Fastify makes a new object each time. */
    route: FastifyRequest['routeOptions'];
    /** Whose requests are counted and remembered together; never a token itself. */
    caller: string;
    actor: Actor;
    /** It showed a token, or needs none. */
    known: boolean;
    /** What the signed link that opened it gives the right to. */
    right: Right | undefined;
    /** As it was sent, before anything was parsed. */
    rawBody: Buffer | undefined;
  }
}

/** One API dialect: a folder with this as its only way in. */
export interface Dialect {
  /** Unknown routes at and below it get this dialect's errors. */
  readonly errors?: { readonly prefix: string; readonly style: ErrorStyle };
  mount(app: App): void;
}
export type App = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  import('fastify').FastifyBaseLogger,
  ZodTypeProvider
>;

export interface RegisteredRoute {
  readonly method: string;
  /** As registered: `/a/:id`. */
  readonly url: string;
  readonly schema: { readonly params?: unknown; readonly querystring?: unknown; readonly body?: unknown } | undefined;
  readonly doc: RouteDoc | undefined;
}
export interface RouteTable {
  readonly routes: readonly RegisteredRoute[];
  /** The methods that a path knows; empty for an unknown path. */
  methodsOf(path: string): string[];
}

/** Must be called before the routes are registered: it listens to the registering. */
export function routeTable(app: FastifyInstance): RouteTable {
  const routes: (RegisteredRoute & { readonly pattern: RegExp })[] = [];
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    const pattern = new RegExp(`^${url.replace(/[.]/g, '\\.').replace(/:[^/]+/g, '[^/]+')}/?$`);
    for (const one of [method].flat()) routes.push({ method: one, url, schema, doc: config?.doc, pattern });
  });
  return {
    routes,
    methodsOf: (path) => [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))],
  };
}

/** Checks one part of a request against its zod schema. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    const parsed = (schema as z.ZodType).safeParse(data);
    if (parsed.success) return { value: parsed.data };
    const place = httpPart === 'querystring' ? 'query' : httpPart === 'params' ? 'path' : (httpPart ?? 'body');
    const issues = parsed.error.issues.map((issue) => toIssue(issue, place));
    const text = issues.map(({ loc, msg }) => `${loc.slice(1).join('.') || place}: ${msg}`).join('; ');
    return { error: new InvalidRequest(issues, text) };
  };
}

function toIssue({ code, path, message }: z.core.$ZodIssue, place: string): Issue {
  const loc = [place, ...path.map((key) => (typeof key === 'number' ? key : String(key)))];
  const missing = code === 'invalid_type' && message.endsWith('received undefined');
  return missing ? { type: 'missing', loc, msg: 'Field required' } : { type: code, loc, msg: message };
}
