import type { FastifyContextConfig } from 'fastify';
import { z } from 'zod';

interface MediaDoc<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  readonly example?: unknown;
}
export interface ReplyDoc {
  readonly description: string;
  /** By media type. Undefined if the body is not described. */
  readonly content?: Readonly<Record<string, MediaDoc>>;
}
export type ReplyDocs = Readonly<Record<string, ReplyDoc>>;
interface JsonReply<Schema extends z.ZodType> extends ReplyDoc {
  readonly content: { readonly 'application/json': MediaDoc<Schema> };
}

export interface RouteDoc {
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** By status; `default` covers all statuses not listed. */
  readonly failures: ReplyDocs;
  readonly bodyExample?: unknown;
  readonly requestContent?: Readonly<Record<string, z.ZodType>>;
  readonly websocket?: true;
  /** Omits the route from the OpenAPI document. */
  readonly asset?: true;
}

export const jsonReply = <Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  example?: z.output<Schema>,
): JsonReply<Schema> => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});
export const okReply = <Schema extends z.ZodType>(schema: Schema, example: z.output<Schema>) =>
  jsonReply('Success', schema, example);
/** Depending on `Accept`, handlers return the first format or send the second through `reply`. */
export const negotiatedReply = <Schema extends z.ZodType>(
  usual: JsonReply<Schema>,
  other: ReplyDoc,
): JsonReply<Schema> => ({
  description: usual.description,
  content: { ...usual.content, ...other.content },
});
export const noBodyReply: ReplyDoc = { description: 'Done; no body' };
export const bytesReply = (description: string, type = '*/*'): ReplyDoc => ({
  description,
  content: { [type]: { schema: z.string().meta({ format: 'binary' }) } },
});

export const idempotencyHeaderDocs = {
  'Idempotency-Key':
    '1 to 255 visible ASCII characters: a repeat with the same key and body gets the first answer again',
};

interface DescribedRoute<Schema extends object>
  extends Pick<RouteDoc, 'description' | 'headers' | 'bodyExample' | 'requestContent' | 'asset'> {
  readonly schema?: Schema;
  readonly config?: Omit<FastifyContextConfig, 'doc'>;
  readonly fails?: readonly number[];
  /** Description of the 404 reply. Default: the facade's own description. */
  readonly missing?: string;
}
interface FacadeDocs {
  readonly tag: string;
  /** Prepended to every operation id, because ids must be unique across facades. */
  readonly prefix: string;
  readonly failures: (own: readonly number[], missing?: string) => ReplyDocs;
}

/**
 * Creates the function that returns a route's registration options.
 *
 * @example
 * app.get('/api/x', describeRoute('GetX', 'Get x', { schema: { response: { 200: okReply(X, x) } }, fails: [404] }), handler);
 */
export const createRouteDescriber =
  ({ tag, prefix, failures }: FacadeDocs) =>
  <Schema extends object = object>(
    name: string,
    summary: string,
    { schema, config, fails = [], missing, ...prose }: DescribedRoute<Schema>,
  ) => {
    const doc: RouteDoc = {
      operationId: `${prefix}${name}`,
      tag,
      summary,
      ...prose,
      failures: failures(fails, missing),
    };
    return { schema: schema as Schema, config: { ...config, doc } };
  };
