import { z } from 'zod';
import type { ReplyDoc, RouteDoc } from '../../http/routes/route-docs.ts';
import type { RegisteredRoute } from '../../http/routes/routes.ts';
import { serverTag } from './about.ts';

type Json = Record<string, unknown>;

const description =
  'Runs AI agents, each in a sandbox of its own. Each section is a facade, or belongs to the server; a session that was ' +
  'made in one facade is there in all, with the same id. Where the server has a token or keys, send one as a bearer token.';

/** Builds the OpenAPI 3.1 document from the registered routes, so that it cannot differ from them. */
export function openApiDocument(routes: readonly RegisteredRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (!route.doc || route.doc.asset || route.method === 'HEAD') continue; // HEAD is documented with its GET
    const path = route.url.replace(/:([^/]+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(route, route.doc);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Corral', version, description },
    tags: tagsOf(routes).map((name) => ({ name })),
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{}, { bearer: [] }],
  };
}

/** In the order of mounting, but for the server's own routes, which few readers look for. */
function tagsOf(routes: readonly RegisteredRoute[]): string[] {
  const tags = new Set(routes.flatMap(({ doc }) => (doc && !doc.asset ? [doc.tag] : [])));
  return [...tags].sort((one, other) => Number(one === serverTag) - Number(other === serverTag));
}

function operation({ schema, replies }: RegisteredRoute, doc: RouteDoc): Json {
  const parameters = [
    ...parametersOf(schema?.params, 'path'),
    ...parametersOf(schema?.querystring, 'query'),
    ...Object.entries(doc.headers ?? {}).map(([name, description]) => ({
      name,
      in: 'header',
      required: false,
      description,
      schema: { type: 'string' },
    })),
  ];
  return {
    operationId: doc.operationId,
    tags: [doc.tag],
    summary: doc.summary,
    ...(doc.websocket && { 'x-websocket': true }),
    ...(doc.description && { description: doc.description }),
    ...(parameters.length > 0 && { parameters }),
    ...(schema?.body instanceof z.ZodType && { requestBody: requestBody(schema.body, doc.bodyExample) }),
    ...(doc.requestContent && { requestBody: otherBody(doc.requestContent) }),
    responses: Object.fromEntries(Object.entries(replies).map(([status, one]) => [status, response(one)])),
  };
}

function parametersOf(schema: unknown, place: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodType)) return [];
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function requestBody(schema: z.ZodType, example: unknown): Json {
  const json = toJsonSchema(schema, 'input');
  const needed = Array.isArray(json.required) && json.required.length > 0;
  return {
    required: needed,
    content: { 'application/json': { schema: json, ...(example !== undefined && { example }) } },
  };
}

function otherBody(content: NonNullable<RouteDoc['requestContent']>): Json {
  const types = Object.entries(content).map(([type, schema]) => [type, { schema: toJsonSchema(schema, 'input') }]);
  return { required: true, content: Object.fromEntries(types) };
}

function response({ description, content }: ReplyDoc): Json {
  if (!content) return { description };
  const types = Object.entries(content).map(([type, { schema, example }]) => [
    type,
    { schema: toJsonSchema(schema, 'output'), ...(example !== undefined && { example }) },
  ]);
  return { description, content: Object.fromEntries(types) };
}

/** OpenAPI 3.1 uses JSON Schema 2020-12. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema, ...json } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Json;
  return json;
}
