type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, Json & { content?: Record<string, { schema: Json }> }>;
}
const paramsIn = (path: string) => [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name ?? '');
/** The route that makes the sessions that all other facades show too. */
const sessions = '/api/v1/sessions';

/**
 * Adds links from each operation that makes or lists something to those whose path has its id, so that programs that read the
 * document find ids that exist.
 */
export function linkOperations(paths: Record<string, Json>): void {
  for (const [path, methods] of Object.entries(paths) as [string, Record<string, Operation>][]) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const reply = Object.entries(responses).find(([status]) => /^2/.test(status))?.[1];
      if (!reply || !['post', 'put', 'get'].includes(method)) continue;
      const places = placesIn(reply.content?.['application/json']?.schema, method === 'get');
      const input = Object.fromEntries(paramsIn(path).map((name) => [name, `$request.path.${name}`]));
      const links: Record<string, Json> = {};
      for (const [target, { operationId }] of targetsOf(path, method, paths)) {
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

/** The operations on what this one makes or lists: a POST adds to its path, and a PUT makes its path itself. */
function targetsOf(path: string, method: string, paths: Record<string, Json>): [string, Operation][] {
  const isBelow = (target: string) => {
    if (target.startsWith(`${path}/{`)) return true;
    if (method === 'post') return false;
    const isElsewhere = !Object.keys(paths).some((one) => target.startsWith(`${one}/{`) && one.endsWith('/sessions'));
    if (path === sessions) return isElsewhere && paramsIn(target)[0] === 'sid';
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

/** Paths to an id: in the reply, which some facades wrap in `data`, or in the first entry of a list in it. */
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

/** A JSON pointer to the id. */
function idIn(places: readonly SchemaPart[], param: string): string | undefined {
  const names = [param, `${param}_id`, `${param}Id`, 'session_id', 'sessionId', 'id', 'number', 'name'];
  for (const [prefix, schema] of places) {
    const properties = propertiesOf(schema);
    const found = names.find((name) => name in properties && !(param !== 'sid' && /^session_?id$/i.test(name)));
    if (found !== undefined) return `${prefix}/${found}`;
  }
  return undefined;
}
