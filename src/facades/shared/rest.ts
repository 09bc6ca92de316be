import { z } from 'zod';
import { CallLimiter } from '../../api/procedure/context.ts';
import {
  type DescribedOperation,
  listOperations,
  type OperationMeta,
  parseRestRoute,
} from '../../api/procedure/procedure.ts';
import { OkResult } from '../../api/procedure/schemas.ts';
import { appRouter } from '../../api/router.ts';
import { createFailureDescriber, describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber, okReply } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { envelopeFailureDocs, envelopeReply, toSuccessEnvelope } from './envelope.ts';
import type { FacadeDeps } from './facade.ts';
import { describeServerFailures } from './server-failures.ts';

const operations = listOperations(appRouter);
const ended = { schema: z.object({ deleted: z.literal(true) }), value: { deleted: true } };
const sessionExample = { sessionId: '0123456789abcdef' };
type RouteParts = Pick<FacadeDeps, 'acting' | 'version' | 'clock' | 'previews'>;
type Shape = Record<string, z.ZodType>;

export const createRestRoutes = (parts: RouteParts, tag: string, all = operations): FacadeRoutes => ({
  mount(app) {
    const ofSection = all.filter(({ meta }) => meta.rest !== undefined && meta.of.tag === tag);
    for (const operation of ofSection) mountOperation(app, parts, operation);
  },
});

function mountOperation(app: App, parts: RouteParts, { isQuery, meta, call }: DescribedOperation): void {
  const route = parseRestRoute(meta.rest);
  const { method, url, fields } = route;
  const reply = meta.reply ?? (method === 'DELETE' && meta.out === OkResult ? ended : undefined);
  const shown = (answer: unknown, input: object) =>
    typeof reply?.value === 'function' ? reply.value(answer, input) : (reply?.value ?? answer);
  const isEnveloped = meta.of.style === 'session';
  const wrapped = isEnveloped ? envelopeReply : okReply;
  const { id, summary, description, example, fails = Object.keys(fields).length > 0 ? [404] : [] } = meta;
  app.route({
    method,
    url,
    ...createDescriber(meta.of)(id, summary, {
      schema: {
        ...inputSchemas(meta, route),
        response: {
          200: wrapped(reply?.schema ?? meta.out, shown(meta.answer, { ...sessionExample, ...example }) as never),
        },
      },
      config: {
        ...((meta.may === 'admin' || meta.may === 'operator' || meta.may === 'auditor') && { least: meta.may }),
        ...(isQuery && method !== 'GET' && { reads: true as const }),
      },
      ...(description !== undefined && { description }),
      ...(example !== undefined && { bodyExample: example }),
      fails,
    }),
    handler: async (request, response) => {
      const { params, query, body, principal } = request as {
        params?: object;
        query: object;
        body?: object;
      } & typeof request;
      const ctx = {
        ...parts.acting(principal),
        version: parts.version,
        clock: parts.clock,
        previews: parts.previews,
        reached: { host: request.headers.host, scheme: request.client.scheme },
        calls: new CallLimiter(),
        drained: async () => {},
      };
      const named = Object.entries(params ?? {}).map(([name, value]) => [fields[name], value]);
      const input = { ...query, ...body, ...Object.fromEntries(named) };
      const answer = shown(await call(input, { ctx, signal: abortOnDisconnect(response) }), input);
      return isEnveloped ? toSuccessEnvelope(answer) : answer;
    },
  });
}

function createDescriber({ tag, prefix, style = 'detail', texts }: OperationMeta['of']) {
  const failures =
    style === 'session'
      ? createFailureDescriber({ ...envelopeFailureDocs, ...(texts && { texts }) })
      : style === 'server'
        ? describeServerFailures
        : describeDetailFailures;
  return createRouteDescriber({ tag, prefix, failures });
}

function inputSchemas(meta: OperationMeta, { method, fields }: ReturnType<typeof parseRestRoute>) {
  const input = meta.in instanceof z.ZodObject ? meta.in : undefined;
  const shape: Shape = input?.shape ?? {};
  const named = Object.entries(fields);
  const params = named.map(([name, field]) => [name, fromText(shape[field] ?? z.string())]);
  const others = () => {
    if (Object.keys(shape).length === named.length) return undefined;
    return named.length === 0
      ? meta.in
      : input?.omit(Object.fromEntries(named.map(([, field]) => [field, true])) as Record<never, never>);
  };
  const inQuery = method === 'GET' || method === 'DELETE';
  const querystring = meta.query ?? (inQuery ? inText(others()) : undefined);
  const body = meta.body ?? (inQuery ? undefined : others());
  return {
    ...(named.length > 0 && { params: z.object(Object.fromEntries(params)) }),
    ...(querystring && { querystring }),
    ...(body && { body }),
  };
}

function fromText(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional) {
    const inner = schema.unwrap() as z.ZodType;
    return inner instanceof z.ZodNumber ? described(fromText(inner).optional(), schema) : schema;
  }
  return schema instanceof z.ZodNumber ? described(z.coerce.number().pipe(schema), schema) : schema;
}
const described = (schema: z.ZodType, { description }: z.ZodType) =>
  description === undefined ? schema : schema.describe(description);

function inText(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (!(schema instanceof z.ZodObject)) return schema;
  const fields = Object.entries(schema.shape as Shape).map(([name, one]) => [name, one, fromText(one)] as const);
  const numbers = fields.flatMap(([name, one, text]) => (one === text ? [] : [[name, text]]));
  return numbers.length === 0 ? schema : schema.extend(Object.fromEntries(numbers));
}
