import { z } from 'zod';
import { type AppError, toAppError } from '../../core/errors/errors.ts';
import type { ErrorStyle } from '../../http/errors/error-style.ts';
import { createFailureDescriber } from '../../http/errors/failure-docs.ts';
import { toPublicMessage, wireErrors } from '../../http/errors/wire-errors.ts';
import type { HttpLogger } from '../../http/routes/observe.ts';
import { jsonReply } from '../../http/routes/route-docs.ts';

const RpcError = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.null(),
  error: z.object({ code: z.int(), message: z.string() }),
});
const serverError = -32_000; // JSON-RPC reserves this code for server errors
const rpcError = (message: string) => ({
  ...({ jsonrpc: '2.0', id: null } as const),
  error: { code: serverError, message },
});

/** Applies to requests that are refused before they reach the MCP SDK. */
export const mcpErrorStyle: ErrorStyle = {
  status: (error) => wireErrors[error.code].http,
  body: (status, error) => rpcError(status === 401 ? 'Not authenticated' : toPublicMessage(error)),
};

export const describeMcpFailures = createFailureDescriber({
  always: [400, 401, 403, 413, 429, 500, 503],
  of: (_status, text) => jsonReply(text, RpcError, rpcError(text)),
  other: jsonReply('Any other failure', RpcError),
});

/** Logs bugs and hides their details from the caller. */
export function toMcpError(thrown: unknown, what: string, logger: Pick<HttpLogger, 'error'>): AppError {
  const error = toAppError(thrown);
  if (wireErrors[error.code].http === 500)
    logger.error({ err: error.cause ?? error }, `the MCP request ${what} failed`);
  return error;
}
