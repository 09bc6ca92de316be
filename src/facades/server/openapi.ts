import { z } from 'zod';
import type { ReplyDoc, RouteDoc } from '../../http/routes/route-docs.ts';
import type { RegisteredRoute } from '../../http/routes/routes.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, Json & { content?: Record<string, { schema: Json }> }>;
}
const paramsIn = (path: string) => [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name ?? '');
const sessions = '/api/v1/sessions';

/** Links operations that create or list resources to the operations that take their ids. */
function linkOperations(paths: Record<string, Json>): void {
  for (const [path, methods] of Object.entries(paths) as [string, Record<string, Operation>][]) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const reply = Object.entries(responses).find(([status]) => /^2/.test(status))?.[1];
      if (!reply || !['post', 'put', 'get'].includes(method)) continue;
      const places = placesIn(reply.content?.['application/json']?.schema, method === 'get');
      const input = Object.fromEntries(paramsIn(path).map((name) => [name, `$request.path.${name}`]));
      const links: Record<string, Json> = {};
      for (const [target, { operationId }] of findTargets(path, method, paths)) {
        const name = paramsIn(target)[paramsIn(path).length];
        const pointer = name === undefined ? undefined : idIn(places, name);
        if (name !== undefined && pointer === undefined) continue;
        const parameters = { ...input, ...(name !== undefined && { [name]: `$response.body#${pointer}` }) };
        if (Object.keys(parameters).length > 0) links[operationId] = { operationId, parameters };
      }
      if (Object.keys(links).length > 0) reply.links = links;
    }
  }
}

/**
 * Finds the operations below `path`. Includes those at `path` itself for PUT, and session operations of other facades
 * for the session list.
 */
function findTargets(path: string, method: string, paths: Record<string, Json>): [string, Operation][] {
  const isBelow = (target: string) => {
    if (target.startsWith(`${path}/{`)) return true;
    if (method === 'post') return false;
    if (path === sessions)
      return (
        paramsIn(target)[0] === 'sid' &&
        !Object.keys(paths).some((one) => one.endsWith('/sessions') && target.startsWith(`${one}/{`))
      );
    return method === 'put' && paramsIn(path).length > 0 && (target === path || target.startsWith(`${path}/`));
  };
  return Object.entries(paths).flatMap(([target, methods]) =>
    isBelow(target)
      ? Object.entries(methods as Record<string, Operation>).flatMap(([other, operation]): [string, Operation][] =>
          target === path && other === method ? [] : [[target, operation]],
        )
      : [],
  );
}

const propertiesOf = (one: Json | undefined) => (one?.properties ?? {}) as Record<string, Json>;
type SchemaPart = readonly [pointer: string, schema: Json];

function placesIn(schema: Json | undefined, isList: boolean): SchemaPart[] {
  const data = propertiesOf(schema).data;
  const wholes: SchemaPart[] = [
    ...(schema ? [['', schema] as const] : []),
    ...(data ? [['/data', data] as const] : []),
  ];
  if (!isList) return wholes;
  const parts = wholes.flatMap(([pointer, one]): SchemaPart[] => [
    [pointer, one],
    ...Object.entries(propertiesOf(one)).map(([name, part]) => [`${pointer}/${name}`, part] as const),
  ]);
  return parts.flatMap(([pointer, { items }]): SchemaPart[] => (items ? [[`${pointer}/0`, items as Json]] : []));
}

function idIn(places: readonly SchemaPart[], param: string): string | undefined {
  const names = [param, `${param}_id`, `${param}Id`, 'session_id', 'sessionId', 'id', 'number', 'name'];
  for (const [prefix, schema] of places) {
    const properties = propertiesOf(schema);
    const found = names.find((name) => name in properties && !(param !== 'sid' && /^session_?id$/i.test(name)));
    if (found !== undefined) return `${prefix}/${found}`;
  }
  return undefined;
}

const description =
  'Runs AI agents, each in a sandbox of its own. New programs should use the sections of Corral, which come first; the ' +
  'sections after them imitate the APIs of other systems, for existing programs. A session created through one API is ' +
  'available in all of them, with the same id. There are clients for TypeScript and Python: see the ' +
  '[guide](/guide/reference/client). If the server has a token or keys, send one as a bearer token.';

const own: Readonly<Record<string, string>> = {
  Server: 'The health of the server, its templates and models, and its settings.',
  Projects: 'Sessions and automations of several people, and who may use them.',
  Streams: "A session's files, and commands with streamed output, of any size.",
  Sandboxes: 'The state of a sandbox, its pause, and copies of its files.',
  Repositories: "A session's repositories: what changed, commits, pull requests, and checkpoints.",
  Attempts: 'One task run several times in parallel, of which one result is chosen.',
  Automations: 'Agents that start automatically, on a schedule or by a call.',
  Webhooks: 'Notifications to other programs about runs, automations and sessions.',
  Volumes: 'Storage that outlives sessions, and its content.',
  Skills: 'Folders with instructions and scripts, which agents read when they need them.',
  Uploads: 'Files attached to messages, which outlive their sessions.',
  Memory: 'Notes of people and projects that outlive sessions, which agents read and write.',
  Previews: 'Ports that programs in a sandbox listen on, and addresses to open them.',
  Desktop: "A session's screen, and who has its keyboard and mouse.",
  MCP: 'Corral as a tool of assistants that speak the Model Context Protocol.',
};
const imitated = 'APIs of other systems';

export function buildOpenApiDocument(routes: readonly RegisteredRoute[], version: string): Json {
  const names = tagsOf(routes);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (!route.doc || route.doc.asset || route.method === 'HEAD') continue;
    const path = route.url.replace(/:([^/]+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(route, route.doc);
  }
  linkOperations(paths);
  return {
    openapi: '3.1.0',
    info: { title: 'Corral', version, description },
    tags: names.map((name) => ({ name, description: own[name] ?? `${imitated}: for existing programs.` })),
    'x-tagGroups': [
      { name: 'Corral', tags: names.filter((name) => name in own) },
      { name: imitated, tags: names.filter((name) => !(name in own)) },
    ],
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{}, { bearer: [] }],
  };
}

function tagsOf(routes: readonly RegisteredRoute[]): string[] {
  const tags = new Set(routes.flatMap(({ doc }) => (doc && !doc.asset ? [doc.tag] : [])));
  const ordered = Object.keys(own).filter((name) => tags.has(name));
  return [...ordered, ...[...tags].filter((name) => !(name in own))];
}

function operation({ schema, replies }: RegisteredRoute, doc: RouteDoc): Json {
  const parameters = [
    ...toParameters(schema?.params, 'path'),
    ...toParameters(schema?.querystring, 'query'),
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
    responses: {
      ...Object.fromEntries([...replies].map(([status, one]) => [status, response(one)])),
      '431': { description: 'The headers are too large' }, // answered before routing
    },
  };
}

function toParameters(schema: unknown, place: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodType)) return [];
  const { properties = {}, required = [] } = toJson(schema, 'input') as {
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
  const json = toJson(schema, 'input');
  const needed = Array.isArray(json.required) && json.required.length > 0;
  return {
    required: needed,
    content: { 'application/json': { schema: json, ...(example !== undefined && { example }) } },
  };
}

function otherBody(content: NonNullable<RouteDoc['requestContent']>): Json {
  const types = Object.entries(content).map(([type, schema]) => [type, { schema: toJson(schema, 'input') }]);
  return { required: true, content: Object.fromEntries(types) };
}

function response({ description, content }: ReplyDoc): Json {
  if (!content) return { description };
  const types = Object.entries(content).map(([type, { schema, example }]) => [
    type,
    { schema: toJson(schema, 'output'), ...(example !== undefined && { example }) },
  ]);
  return { description, content: Object.fromEntries(types) };
}

/** Replaces syntax that only some regular expression engines support. */
const portable = (pattern: string) => pattern.replaceAll(String.raw`\p{Cc}`, String.raw`\x00-\x1f\x7f-\x9f`);

function toJson(schema: z.ZodType, io: 'input' | 'output'): Json {
  const options = { target: 'draft-2020-12', io, unrepresentable: 'any' } as const;
  const { $schema, ...json } = z.toJSONSchema(schema, options) as Json;
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'pattern' && typeof inner === 'string' ? portable(inner) : moved(inner),
      ]),
    );
  };
  return moved(json) as Json;
}
