import { z } from 'zod';
import { CallCount } from '../../api/procedure/context.ts';
import { type DescribedOperation, describedOperations, type OperationMeta } from '../../api/procedure/procedure.ts';
import { Done } from '../../api/procedure/schemas.ts';
import { appRouter } from '../../api/router.ts';
import { detailFailures, failuresIn } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { envelopeStyle, okEnveloped, success } from './envelope.ts';
import type { FacadeParts } from './facade.ts';
import { serverFailures } from './server-failures.ts';

// The REST routes of the operations in `src/api`. Path, schemas, documents and rights come from their descriptions.

const operations = describedOperations(appRouter);
const ended = { schema: z.object({ deleted: z.literal(true) }), value: { deleted: true } };
type Shape = Record<string, z.ZodType>;

/** The routes of one section of the OpenAPI document. */
export const restRoutes = (parts: FacadeParts, tag: string): FacadeRoutes => ({
  mount(app) {
    const ofSection = operations.filter(({ meta }) => meta.rest !== undefined && meta.of.tag === tag);
    for (const operation of ofSection) mountOperation(app, parts, operation);
  },
});

function mountOperation(app: App, parts: FacadeParts, { isQuery, meta, call }: DescribedOperation): void {
  const [method = 'GET', url = ''] = meta.rest?.split(' ') ?? [];
  const reply = meta.reply ?? (method === 'DELETE' && meta.out === Done ? ended : undefined);
  const shown = (answer: unknown) =>
    typeof reply?.value === 'function' ? reply.value(answer) : (reply?.value ?? answer);
  const isEnveloped = meta.of.style === 'session';
  const wrapped = isEnveloped ? okEnveloped : ok;
  app.route({
    method,
    url,
    schema: {
      ...inputSchemas(meta, { method, url }),
      response: { 200: wrapped(reply?.schema ?? meta.out, shown(meta.answer) as never) },
    },
    config: {
      doc: documentOf(meta),
      ...((meta.may === 'admin' || meta.may === 'operator') && { least: meta.may }),
      ...(isQuery && method !== 'GET' && { reads: true as const }),
    },
    handler: async (request, response) => {
      const { params, query, body, principal } = request as {
        params: object;
        query: object;
        body?: object;
      } & typeof request;
      const ctx = {
        ...parts.acting(principal),
        version: parts.version,
        clock: parts.clock,
        previews: parts.previews,
        reached: { host: request.headers.host, scheme: request.client.scheme },
        calls: new CallCount(),
        drained: async () => {},
      };
      const input = { ...query, ...body, ...params };
      const answer = shown(await call(input, { ctx, signal: abortOnDisconnect(response) }));
      return isEnveloped ? success(answer) : answer;
    },
  });
}

function documentOf({ of, id, summary, description, example, fails }: OperationMeta) {
  const { tag, prefix, style = 'detail', texts } = of;
  const failures =
    style === 'session'
      ? failuresIn({ ...envelopeStyle, texts: { ...envelopeStyle.texts, ...texts } })
      : style === 'server'
        ? serverFailures
        : detailFailures;
  return describing({ tag, prefix, failures })(id, summary, {
    ...(description !== undefined && { description }),
    ...(example !== undefined && { bodyExample: example }),
    ...(fails && { fails }),
  });
}

/** The parts of the input: the path's parameters, and the remaining fields as the query or the body. */
function inputSchemas(meta: OperationMeta, { method, url }: { readonly method: string; readonly url: string }) {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const input = meta.in instanceof z.ZodObject ? meta.in : undefined;
  const shape: Shape = input?.shape ?? {};
  const params = z.object(Object.fromEntries(names.map((name) => [name, shape[name] ?? z.string()])));
  const isEmpty = Object.keys(shape).length === names.length;
  const others = () => {
    if (isEmpty) return undefined;
    return names.length === 0 ? meta.in : input?.omit(maskOf(names) as Record<never, never>);
  };
  const inQuery = method === 'GET' || method === 'DELETE';
  const querystring = meta.query ?? (inQuery ? others() : undefined);
  const body = meta.body ?? (inQuery ? undefined : others());
  return { ...(names.length > 0 && { params }), ...(querystring && { querystring }), ...(body && { body }) };
}
const maskOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true as const]));
