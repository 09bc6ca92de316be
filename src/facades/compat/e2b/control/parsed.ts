import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';

/** Like E2B, accepts null for absent fields. Throws: invalid_request. */
export function parseRequestBody<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const asSent = shape.safeParse(input ?? {});
  const found = asSent.success ? asSent : shape.safeParse(withoutNulls(input ?? {}));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new AppError('invalid_request', `${issue?.path.join('.') || 'The body'}: ${issue?.message}`);
}

const withoutNulls = (input: unknown): unknown =>
  typeof input === 'object' && input !== null && !Array.isArray(input)
    ? Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))
    : input;

export const badRequestError = (message: string): AppError => new AppError('invalid_request', message);
export function parsePageLimit(query: URLSearchParams): number {
  const limit = Number(query.get('limit') || 100);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 100) return limit;
  throw badRequestError('limit is from 1 to 100.');
}
export const parseUrlQuery = ({ url }: Pick<FastifyRequest, 'url'>): URLSearchParams =>
  new URL(url, 'http://server').searchParams;
/** Starts after the item that `nextToken` names. Sends the next token in a header. */
export function paginate<Item extends { readonly id: string }>(
  all: readonly Item[],
  query: URLSearchParams,
  reply: FastifyReply,
): readonly Item[] {
  const limit = parsePageLimit(query);
  const after = query.get('nextToken');
  const start = after ? all.findIndex(({ id }) => id === after) + 1 : 0;
  const page = all.slice(start, start + limit);
  const last = page.at(-1);
  if (last && all.length > start + limit) reply.header('x-next-token', last.id);
  return page;
}
export const toIsoTime = (at: number): string => new Date(at).toISOString();
