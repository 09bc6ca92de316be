import { z } from 'zod';
import type { ResponseDoc } from './routes.ts';

// The documented failures of the dialects that answer `{detail}`.

const Plain = z.object({ detail: z.string() });
const Fields = z.object({
  detail: z.array(z.object({ type: z.string(), loc: z.array(z.union([z.string(), z.int()])), msg: z.string() })),
});
const fieldsExample = { detail: [{ type: 'missing', loc: ['body', 'task'], msg: 'Field required' }] };
const texts: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Refused: Host or origin',
  404: 'Session not found',
  409: 'Conflict',
  413: 'Body too large',
  429: 'Too many requests',
  499: 'The client disconnected',
  500: 'Internal server error',
  503: 'The sandbox is not available',
  504: 'The request timed out',
};
const failure = (description: string, schema: z.ZodType, example?: unknown): ResponseDoc => ({
  description,
  content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
});

/** The failures that all such routes share, and those of one route. */
export function detailFailures(...own: number[]): Record<string, ResponseDoc> {
  const all = [...new Set([...own, 401, 403, 413, 429, 500, 503])].sort((a, b) => a - b);
  const listed = all.map((status) => [
    status,
    status === 422
      ? failure('Some fields are invalid', Fields, fieldsExample)
      : failure(texts[status] ?? 'Error', Plain, { detail: texts[status] }),
  ]);
  return { ...Object.fromEntries(listed), default: failure('Any other failure', z.union([Plain, Fields])) };
}

export const idempotencyHeader = {
  'Idempotency-Key':
    '1 to 255 visible ASCII characters: a repeat with the same key and body gets the first answer again',
};
