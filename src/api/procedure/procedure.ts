import { initTRPC, TRPCError } from '@trpc/server';
import { z } from 'zod';
import { neverAbortingSignal } from '../../core/concurrency/cancel.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { forbiddenRoleError, limitAuditorToViewer } from '../../core/model/principal.ts';
import { authorize, type OwnedResource, requireRole } from '../../sessions/access/authorize.ts';
import type { AccessKind } from '../../sessions/api/rules.ts';
import type { TrpcContext } from './context.ts';
import { toTrpcErrorShape } from './errors.ts';
import { sessionTarget } from './schemas.ts';

/** `find` reads the resource that the path's first parameter identifies. Without `find`, the service checks access. */
interface Resource {
  readonly tag: string;
  readonly prefix: string;
  readonly noun?: string;
  readonly find?: (ctx: TrpcContext, id: never) => Promise<OwnedResource>;
  /** `session` uses the envelope of session routes. The other two differ only in their errors. */
  readonly style?: 'detail' | 'server' | 'session';
  readonly texts?: Readonly<Record<number, string>>;
  /** Each operation with a `verb` is a verb of this `corral` command. */
  readonly command?: {
    readonly name: string;
    readonly about: string;
    /** The noun for one item. Default: the command's name. */
    readonly item?: string;
    /** The arguments after the verb. Default: one item's id or name. */
    readonly args?: readonly (readonly [usage: string, about: string])[];
    readonly examples: readonly string[];
    readonly columns: readonly string[];
    /** Items can be identified by a name from `ls`, not only by an id. */
    readonly hasNames?: true;
  };
}

interface Verb {
  readonly name: string;
  /** The fields for the arguments after the verb, in order. Default: the path's parameters. */
  readonly words?: readonly string[];
  /** Flags whose name differs from the field's, such as `--cron <fields>` for `schedule.cron`. */
  readonly options?: Readonly<Record<string, string>>;
  readonly columns?: readonly string[];
  readonly note?: string;
}

/** One definition for tRPC, REST, OpenAPI, access checks and the audit log. */
export interface Operation<In extends z.ZodType = z.ZodType, Out extends z.ZodType = z.ZodType> {
  /** Path parameters set input fields: `:sid=sessionId` sets `sessionId`. */
  readonly rest?: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`;
  /** Last part of the OpenAPI operation id. Default: the capitalized name in the router. */
  readonly id?: string;
  readonly summary: string;
  readonly description?: string;
  /** `create`: at least `user`. A role: at least this role. An access kind: this access to the input's resource. */
  readonly may: AccessKind | 'any' | 'create' | 'auditor' | 'operator' | 'admin';
  readonly audit?: string;
  readonly in?: In;
  /** Default: the input without the path's parameters. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly out: Out;
  readonly example?: object;
  readonly answer: z.output<Out>;
  readonly reply?: {
    readonly schema: z.ZodType;
    readonly value: object | ((answer: z.output<Out>, input: z.output<In>) => object | null);
  };
  /** Additional HTTP error statuses. Default: 404 if the path has an id. */
  readonly fails?: readonly number[];
  readonly verb?: Verb;
}
export interface OperationMeta extends Operation {
  readonly id: string;
  readonly of: Resource;
}

const t = initTRPC
  .context<TrpcContext>()
  .meta<OperationMeta>()
  .create({
    isDev: false,
    errorFormatter: ({ error, path }) => toTrpcErrorShape(error, path),
    // Clients detect a dead connection by the absence of pings.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
  });

export const router = t.router;

export const procedure = t.procedure.use(async ({ ctx, type, signal = neverAbortingSignal, next }) => {
  if (type === 'mutation' && ctx.principal.role === 'reader') throw forbiddenRoleError(ctx.principal);
  if (type !== 'subscription') {
    using _call = ctx.calls.enter();
    return await next({ ctx: { signal } });
  }
  const result = await next({ ctx: { signal } });
  return result.ok ? { ...result, data: countOpenCall(ctx, result.data as AsyncIterable<unknown>) } : result;
});

export const sessionProcedure = procedure.input(sessionTarget);

async function* countOpenCall<Item>({ calls }: Pick<TrpcContext, 'calls'>, items: AsyncIterable<Item>) {
  using _call = calls.enter();
  yield* items;
}

const audited = t.middleware(async ({ ctx, meta, input, next }) => {
  const result = await next();
  if (meta?.of.find && meta.audit !== undefined) {
    const created = result.ok ? (result.data as { readonly id?: string } | undefined)?.id : undefined;
    const outcome = result.ok ? 'done' : toAppError(result.error.cause ?? result.error).code;
    ctx.audit?.tell({ principal: ctx.principal, action: meta.audit, target: namedIn(meta, input) ?? created, outcome });
  }
  return result;
});

const authorized = t.middleware(async ({ ctx, meta, input, next }) => {
  if (meta?.of.find) await checkRight(ctx, meta, input);
  return await next();
});

async function checkRight(ctx: TrpcContext, meta: OperationMeta, input: unknown): Promise<void> {
  const { principal } = ctx;
  const { may, of } = meta;
  if (may === 'any') return;
  if (may === 'create') return requireRole(principal, 'user');
  if (may === 'auditor' || may === 'operator' || may === 'admin') return requireRole(principal, may);
  if (principal.role === 'admin') return;
  const gone = () => new AppError('not_found', `There is no such ${of.noun}.`);
  const found = await of.find?.(ctx, namedIn(meta, input) as never);
  authorize(limitAuditorToViewer(principal), may, found ?? {}, gone);
}

function namedIn({ rest }: OperationMeta, input: unknown): string | undefined {
  const [field] = Object.values(parseRestRoute(rest).fields);
  return field === undefined ? undefined : (input as Readonly<Record<string, string>>)[field];
}

export function parseRestRoute(rest = '') {
  const [method = 'GET', path = ''] = rest.split(' ');
  const fields = [...path.matchAll(/:(\w+)(?:=(\w+))?/g)].map(([, name = '', field = name]) => [name, field]);
  return { method, url: path.replaceAll(/=\w+/g, ''), fields: Object.fromEntries(fields) as Record<string, string> };
}

const parsed = new WeakSet<object>();
const noInput = z.strictObject({}).optional();

/**
 * Defines the operations of a resource.
 *
 * @example
 * const operation = defineOperations({ tag: 'Webhooks', prefix: 'webhooks', noun: 'webhook', find });
 * const list = operation({ rest: 'GET /api/v1/webhooks', id: 'List', summary, may: 'any', out, answer }).query(resolve);
 */
export const defineOperations =
  (of: Resource) =>
  <Out extends z.ZodType, In extends z.ZodType = z.ZodVoid>(described: Operation<In, Out>) => {
    const schema = described.in ?? noInput;
    const parse = (input: unknown): unknown =>
      typeof input === 'object' && input !== null && parsed.has(input)
        ? input
        : schema.parse(input ?? (schema instanceof z.ZodObject ? {} : input));
    return procedure
      .meta({ ...described, of } as unknown as OperationMeta)
      .input(parse as unknown as In)
      .use(audited)
      .use(authorized)
      .output(described.out);
  };

export interface DescribedOperation {
  readonly name: string;
  readonly isQuery: boolean;
  readonly meta: OperationMeta;
  /** Checks rights and writes to the audit log. `input` must already be parsed. Rejects with AppError. */
  readonly call: (
    input: object,
    caller: { readonly ctx: TrpcContext; readonly signal: AbortSignal },
  ) => Promise<unknown>;
}
interface Callable {
  readonly _def: { readonly type: 'query' | 'mutation' | 'subscription'; readonly meta?: OperationMeta };
  (call: object): Promise<unknown>;
}
type AnyRouter = { readonly _def: { readonly procedures: object } };

const capitalized = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

export const listOperations = ({ _def: { procedures } }: AnyRouter): readonly DescribedOperation[] =>
  Object.entries(procedures as Record<string, Callable>).flatMap(([name, procedure]) => {
    const { type, meta: described } = procedure._def;
    if (!described) return [];
    const meta: OperationMeta = { ...described, id: described.id ?? capitalized(name.split('.').at(-1) ?? '') };
    const call: DescribedOperation['call'] = async (input, caller) => {
      parsed.add(input);
      try {
        return await procedure({ ...caller, path: name, type, input, getRawInput: async () => input, batchIndex: 0 });
      } catch (thrown) {
        throw thrown instanceof TRPCError ? (thrown.cause ?? thrown) : thrown;
      }
    };
    return [{ name, isQuery: type === 'query', meta, call }];
  });
