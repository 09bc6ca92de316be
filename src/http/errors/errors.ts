import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorDocsPathOf } from '../../core/errors/error-pages.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { HttpLogger } from '../routes/observe.ts';
import type { RouteTable } from '../routes/routes.ts';
import type { ErrorStyle } from './error-style.ts';
import { findErrorStyle } from './error-style.ts';

export interface ErrorContext {
  readonly styles: ReadonlyMap<string, ErrorStyle>;
  readonly table: RouteTable;
  readonly logger: HttpLogger;
}

export function installErrorHandlers(app: FastifyInstance, context: ErrorContext): void {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    sendError(fromFastify(thrown), request, reply, context),
  );
  app.setNotFoundHandler((request, reply) => {
    const style = findErrorStyle(context.styles, request.url);
    const methods = context.table.methodsOf(request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0 && wantsPage(request)) return sendNotFoundPage(reply);
    if (methods.length === 0)
      return reply.code(404).send(style.body(404, new AppError('not_found', 'Not Found'), request.id));
    reply.header('allow', methods.join(', '));
    return reply.code(405).send(style.body(405, new AppError('invalid_request', 'Method Not Allowed'), request.id));
  });
}

const wantsPage = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' && (headers.accept ?? '').includes('text/html');

const notFoundPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found · Corral</title>
<link rel="stylesheet" href="/guide/guide.css">
</head>
<body>
<main>
<h1>Page not found</h1>
<p>There is nothing at this address. Open <a href="/">Corral</a> or its <a href="/guide">guide</a>.</p>
</main>
</body>
</html>
`;
const sendNotFoundPage = (reply: FastifyReply): FastifyReply =>
  reply
    .code(404)
    .type('text/html; charset=utf-8')
    .header('content-security-policy', "default-src 'none'; style-src 'self'; font-src 'self'")
    .send(notFoundPage);

export function sendError(
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
  { styles, logger }: Pick<ErrorContext, 'styles' | 'logger'>,
): FastifyReply {
  const style = findErrorStyle(styles, request.url);
  const status = style.status(error);
  if (status === 404 && wantsPage(request)) return sendNotFoundPage(reply);
  if (status === 500) {
    const about = { request: request.id, route: request.routeOptions?.url };
    logger.error({ err: error.cause ?? error, ...about }, 'request failed');
  }
  // Sent in a header, because clients of the imitated APIs compare whole bodies.
  const docs = errorDocsPathOf(error.code);
  if (docs !== undefined) reply.header('link', `<${docs}>; rel="help"`);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if ((status === 429 || status === 503) && error.retryable) {
    reply.header('retry-after', Math.ceil((error.retryAfterMs ?? 1000) / 1000));
  }
  // If the connection were closed, a client that is still sending would get a reset instead of the response.
  if (status === 413) reply.removeHeader('connection');
  for (const [name, value] of Object.entries(style.headers?.(status, error) ?? {})) reply.header(name, value);
  return reply.code(status).send(style.body(status, error, request.id));
}

function fromFastify(thrown: FastifyError): AppError {
  if (thrown instanceof AppError) return thrown;
  const status = thrown.statusCode ?? 500;
  if (status === 413) return new AppError('payload_too_large', 'The request body is too large.', { cause: thrown });
  if (status >= 400 && status < 500) {
    return new AppError('invalid_request', 'The request could not be read.', { cause: thrown });
  }
  return toAppError(thrown);
}

const parserErrors: Readonly<Record<string, [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

export function handleClientError(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, text] = parserErrors[error.code] ?? [400, 'Bad Request'];
  const headersSent = (socket as { _httpMessage?: { headersSent?: boolean } })._httpMessage?.headersSent;
  if (!socket.writable || headersSent) {
    socket.destroy(error);
    return;
  }
  const body = JSON.stringify({ detail: text });
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.resume();
  setTimeout(() => socket.destroy(), 1_000).unref(); // time for the client to read the response
}
