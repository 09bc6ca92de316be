import type { ServerResponse } from 'node:http';

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
export const sendErrorResponse = (response: ServerResponse, code: number, message: string): void =>
  sendJson(response, code, { code, message });

/** The Python SDK checks for a lost sandbox only after a reset. */
export function destroyConnection({ socket }: ServerResponse): void {
  socket?.resetAndDestroy();
}

export interface DataPlaneErrorResponse {
  readonly code: number;
  readonly body: { readonly code: number; readonly message: string };
  readonly retryAfterSeconds?: number;
}
/** Clients match these strings exactly. */
export const dataPlaneErrors = {
  gone: (sandboxId: string) => ({ code: 502, body: { sandboxId, message: 'The sandbox was not found', code: 502 } }),
  closed: (sandboxId: string, port: number) => ({
    code: 502,
    body: { sandboxId, message: 'The sandbox is running but port is not open', port, code: 502 },
  }),
  token: (sandboxId: string) => ({
    code: 403,
    body: { sandboxId, message: 'A token of this sandbox is missing or wrong', code: 403 },
  }),
  never: (sandboxId: string, message: string) => ({ code: 403, body: { sandboxId, message, code: 403 } }),
} as const;
