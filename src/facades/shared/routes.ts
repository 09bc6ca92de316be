import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { Purpose, Right } from '../../auth/signed-url.ts';
import type { Actor, Role } from '../../core/actor.ts';
import type { ErrorStyle } from './error-style.ts';
import { InvalidRequest, type Issue } from './error-style.ts';

// Each route registers its schema and its document together; the validation, the OpenAPI document, the guard and the list of
// routes all read that registration.

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
  /** Header parameters by name; the schemas give the other parameters. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By status; `default` stands for every status not listed. */
  readonly responses: Readonly<Record<string, ResponseDoc>>;
  readonly bodyExample?: unknown;
  /** A body that is not JSON, by its media type. */
  readonly requestContent?: Readonly<Record<string, z.ZodType>>;
  /** Marks a WebSocket, which a client opens with an upgrade. */
  readonly websocket?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    doc?: RouteDoc;
    /** The route answers without a token. */
    open?: true;
    /** The least role that may call the route. */
    least?: Role;
    /** A signed link for this purpose opens the route without a token. */
    signed?: Purpose;
    /** The route changes nothing, even if its method is POST. */
    reads?: true;
    /** The route does not count against the rate limit. */
    free?: true;
    /** The answer is a stream; another site's page may not even start it. */
    stream?: true;
    /** The body has no total time limit, as long as it keeps arriving. */
    upload?: true;
    /** The route is a WebSocket; no other route accepts an upgrade. */
    socket?: true;
    /** The token may also be in tRPC's connection parameters: in the query, or after an upgrade. */
    connectionParams?: true;
  }
  interface FastifyRequest {
    /** A copy of `routeOptions`, because Fastify creates a new object for each read. */
    route: FastifyRequest['routeOptions'];
    /** The name under which requests are counted and idempotency keys are kept; never a token itself. */
    caller: string;
    actor: Actor;
    /** The request presented a token, or needs none. */
    known: boolean;
    /** The right that its signed link grants. */
    right: Right | undefined;
    /** The body as received, before parsing. */
    rawBody: Buffer | undefined;
  }
}

/** One API dialect: a folder whose only export to the server is this. */
export interface Dialect {
  /** Unknown routes at and below the prefix answer with this dialect's errors. */
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
  /** The registered template, such as `/a/:id`. */
  readonly url: string;
  readonly schema: { readonly params?: unknown; readonly querystring?: unknown; readonly body?: unknown } | undefined;
  readonly doc: RouteDoc | undefined;
}
export interface RouteTable {
  readonly routes: readonly RegisteredRoute[];
  /** The methods of a path; empty for an unknown path. */
  methodsOf(path: string): string[];
}

/** Call this before the routes are registered, because it records each registration. */
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
