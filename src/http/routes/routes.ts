import type { FastifyInstance, RouteOptions } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { SignedUrlPurpose, SignedUrlRight } from '../../auth/signed-url.ts';
import type { Principal, Role } from '../../core/model/principal.ts';
import type { ErrorStyle } from '../errors/error-style.ts';
import type { RemoteClient } from '../guard/clients.ts';
import { idempotencyHeaderDocs, type ReplyDoc, type ReplyDocs, type RouteDoc } from './route-docs.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    doc?: RouteDoc;
    /** Repeated requests with the same `Idempotency-Key` get the first response again, with this status. */
    once?: 200 | 201;
    open?: true;
    least?: Role;
    /** A signed link for this purpose opens the route without a token. */
    signed?: SignedUrlPurpose;
    reads?: true;
    free?: true;
    /** The response is a stream. Cross-site requests are refused before it starts. */
    stream?: true;
    /** No time limit for the whole body while bytes keep arriving. */
    upload?: true;
    /** The body is a program's input, which can pause indefinitely. */
    idleBody?: true;
    socket?: true;
    /** tRPC's connection parameters (in the query or the first frame) can also contain the token. */
    connectionParams?: true;
  }
  interface FastifyInstance {
    registered: readonly RegisteredRoute[];
  }
  interface FastifyRequest {
    client: RemoteClient;
    /** A copy of `routeOptions`, because Fastify creates a new object on each access. */
    route: FastifyRequest['routeOptions'];
    /** Identifies the caller for rate limits and idempotency keys; never a token itself. */
    caller: string;
    principal: Principal;
    /** The request has a valid token or comes from a signed-in browser, or the server requires neither. */
    known: boolean;
    right: SignedUrlRight | undefined;
    rawBody: Buffer | undefined;
  }
}

/**
 * Routes of one facade.
 *
 * @example
 * const routes: FacadeRoutes = { mount: (app) => app.get('/api/v1/ping', schema, async () => ({ ok: true })) };
 */
export interface FacadeRoutes {
  /** Format of errors for unknown routes at and below the prefix. */
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

/** A Map, because an object reserves memory for all numeric keys below its largest. */
export type DocumentedReplies = ReadonlyMap<string, ReplyDoc>;

export interface RegisteredRoute {
  readonly method: string;
  /** The registered pattern, such as `/a/:id`. */
  readonly url: string;
  readonly schema: { readonly params?: unknown; readonly querystring?: unknown; readonly body?: unknown } | undefined;
  readonly doc: RouteDoc | undefined;
  readonly isSocket: boolean;
  readonly replies: DocumentedReplies;
}
export interface RouteTable {
  readonly routes: readonly RegisteredRoute[];
  methodsOf(path: string): string[];
}

const withKeyHeader = (doc: RouteDoc): RouteDoc => ({ ...doc, headers: { ...idempotencyHeaderDocs, ...doc.headers } });

/** Call this before the routes are registered, because it records each registration. */
export function createRouteTable(app: FastifyInstance): RouteTable {
  const routes: (RegisteredRoute & { readonly pattern: RegExp })[] = [];
  app.addHook('onRoute', (route) => {
    const { method, url, config } = route;
    const replies = findDocumentedReplies(route) ?? new Map();
    const { response, ...schema } = route.schema ?? {};
    if (response !== undefined) route.schema = schema; // saves Fastify a serializer lookup for each reply
    const pattern = new RegExp(`^${url.replace(/[.]/g, '\\.').replace(/:[^/]+/g, '[^/]+')}/?$`);
    const doc = config?.once && config.doc ? withKeyHeader(config.doc) : config?.doc;
    const registered = { url, schema, doc, isSocket: config?.socket === true, replies, pattern };
    for (const one of [method].flat()) routes.push({ method: one, ...registered });
  });
  app.decorate('registered', routes);
  return {
    routes,
    methodsOf: (path) => [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))],
  };
}

export function findDocumentedReplies({
  schema,
  config,
}: Pick<RouteOptions, 'schema' | 'config'>): DocumentedReplies | undefined {
  const doc = config?.doc;
  return doc && new Map(Object.entries({ ...(schema?.response as ReplyDocs | undefined), ...doc.failures }));
}
