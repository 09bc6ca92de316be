import { z } from 'zod';
import type { ResponseDoc, RouteDoc } from '../../shared/routes.ts';

export const sid = '5f2a0c9be41d7733';
export const uuid = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
export const at = '2025-01-01T00:00:00.000Z';
export const time = z.string().describe('UTC, ISO 8601');
export const key = {
  'Idempotency-Key':
    '1 to 255 visible ASCII characters: a repeat with the same key and body gets the first answer again',
};

export const json = (description: string, schema: z.ZodType, example?: unknown): ResponseDoc => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});
export const nothing: ResponseDoc = { description: 'Done; no body' };
/** The response of a file download, of any type by default. */
export const bytes = (description: string, type = '*/*'): ResponseDoc => ({
  description,
  content: { [type]: { schema: z.string().meta({ format: 'binary' }) } },
});

const ErrorReply = z.object({ detail: z.string() });
const ValidationReply = z.object({
  detail: z.union([
    z.string(),
    z.array(z.object({ type: z.string(), loc: z.array(z.union([z.string(), z.int()])), msg: z.string() })),
  ]),
});
const texts: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Refused: Host or origin',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  416: 'Range not satisfiable',
  429: 'Too many requests',
  500: 'Internal server error',
  503: 'Unavailable',
};
const invalid = json('Validation error', ValidationReply, {
  detail: [{ type: 'missing', loc: ['body', 'name'], msg: 'Field required' }],
});

/** The failures that every route of this dialect shares, and those of one route. */
function failures(own: readonly number[]): Record<string, ResponseDoc> {
  const all = [...new Set([...own, 400, 401, 403, 429, 500, 503])].sort((a, b) => a - b);
  const listed = all.map((code) => [code, code === 422 ? invalid : json(texts[code] ?? 'Error', ErrorReply)]);
  return { ...Object.fromEntries(listed), default: json('Any other failure', ValidationReply) };
}

interface Told {
  readonly id: string;
  readonly summary: string;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  readonly fails?: readonly number[];
  readonly more?: Partial<RouteDoc>;
}
export const route = ({ id, summary, responses, fails = [], more }: Told): RouteDoc => ({
  operationId: `opencodex${id}`,
  tag: 'OpenCodex',
  summary,
  ...more,
  responses: { ...responses, ...failures(fails) },
});
