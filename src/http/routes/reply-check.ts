import type { FastifyInstance, FastifyReply, onSendHookHandler } from 'fastify';
import type { z } from 'zod';
import type { HttpLogger } from './observe.ts';
import { type DocumentedReplies, findDocumentedReplies } from './routes.ts';

/**
 * Compares each reply with its route's schemas, and responds with 500 and the reason if they differ. For tests and development:
 * each reply is parsed once more. Call this before the routes are registered.
 */
export function checkReplies(app: FastifyInstance, logger: Pick<HttpLogger, 'error'>): void {
  app.addHook('onRoute', (route) => {
    const replies = findDocumentedReplies(route);
    if (!replies || route.method === 'HEAD') return;
    const check: onSendHookHandler = (_request, reply, payload, done) => {
      const problem = findReplyMismatch(reply, payload, replies);
      if (problem === undefined) return done(null, payload);
      const detail = `${String(route.method)} ${route.url} sent a ${reply.statusCode} that its schema does not allow: ${problem}`;
      logger.error({ route: route.url }, detail);
      reply.code(500).removeHeader('content-length').type('application/json; charset=utf-8');
      done(null, JSON.stringify({ detail }));
    };
    route.onSend = [...[route.onSend ?? []].flat(), check];
  });
}

/** Returns undefined if the reply matches its documentation. Does not read streams. */
export function findReplyMismatch(
  reply: Pick<FastifyReply, 'statusCode' | 'getHeader'>,
  payload: unknown,
  replies: DocumentedReplies,
): string | undefined {
  if (reply.statusCode === 304) return undefined; // the answer to a condition of the client; has no body
  const doc = replies.get(String(reply.statusCode)) ?? replies.get('default');
  if (!doc) return 'the status is not documented';
  if (!doc.content) return undefined;
  const [type = ''] = String(reply.getHeader('content-type') ?? '').split(';', 1);
  const media = doc.content[type] ?? doc.content['*/*'];
  if (!media) return `its type is ${type || 'missing'}, not ${Object.keys(doc.content).join(' or ')}`;
  if (type !== 'application/json' || typeof payload !== 'string') return undefined;
  return mismatch(media.schema, JSON.parse(payload));
}

function mismatch(schema: z.ZodType, sent: unknown): string | undefined {
  const parsed = schema.safeParse(sent);
  if (parsed.success) return undocumented(sent, parsed.data, []);
  return parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`).join('; ');
}

function undocumented(sent: unknown, known: unknown, path: readonly string[]): string | undefined {
  if (sent === known || typeof sent !== 'object' || sent === null) return undefined;
  const documented = known as Readonly<Record<string, unknown>>;
  for (const [key, value] of Object.entries(sent)) {
    const at = [...path, key];
    if (!(key in documented)) return `${at.join('.')}: the schema has no such field`;
    const deeper = undocumented(value, documented[key], at);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
