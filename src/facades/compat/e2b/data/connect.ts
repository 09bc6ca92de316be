import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, type ErrorCode, toAppError } from '../../../../core/errors/errors.ts';
import { type JsonLimits, parseJson } from '../../../../core/text/json.ts';
import { toPublicMessage } from '../../../../http/errors/wire-errors.ts';
import { readHeader } from '../target.ts';
import { destroyConnection } from './refusals.ts';

// The Connect protocol with JSON: a bare object for unary responses, envelopes for streams.

const statuses = {
  invalid_argument: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  not_found: 404,
  already_exists: 409,
  resource_exhausted: 429,
  unknown: 500,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
} as const;
export type ConnectCode = keyof typeof statuses;

export class ConnectError extends Error {
  readonly code: ConnectCode;

  constructor(code: ConnectCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const rethrowAsConnectError = (code: AppError['code'], connect: ConnectCode) => (thrown: unknown) => {
  if (thrown instanceof AppError && thrown.code === code) throw new ConnectError(connect, thrown.publicMessage);
  throw thrown;
};

const byCode: Partial<Record<ErrorCode, ConnectCode>> = {
  invalid_request: 'invalid_argument',
  path_outside: 'invalid_argument',
  not_found: 'not_found',
  file_not_found: 'not_found',
  conflict: 'resource_exhausted',
  payload_too_large: 'resource_exhausted',
  quota: 'resource_exhausted',
  rate_limited: 'resource_exhausted',
  unsupported: 'unimplemented',
  unauthorized: 'unauthenticated',
  deadline_exceeded: 'deadline_exceeded',
  internal: 'internal',
};
export function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const error = toAppError(thrown);
  return new ConnectError(byCode[error.code] ?? 'unavailable', toPublicMessage(error));
}

/** Lost-sandbox errors. The SDKs check for a lost sandbox only after a broken connection. */
const lostCodes: ReadonlySet<string> = new Set<ErrorCode>([
  ...(['sandbox_lost', 'sandbox_not_found', 'sandbox_unresponsive', 'sandbox_untrusted', 'session_not_found'] as const),
]);
export const isSandboxLossError = (thrown: unknown): boolean =>
  thrown instanceof AppError && lostCodes.has(thrown.code);

export const smallMessageLimits: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32, maxValues: 10_000 };
export const largeMessageLimits: JsonLimits = { ...smallMessageLimits, maxBytes: 4 * 1024 * 1024 };

/** Keeps a request with an oversized body open, so that the refusal can be sent. */
export async function readRequestBody(request: IncomingMessage, { maxBytes }: JsonLimits): Promise<Buffer> {
  const tooLarge = () => new ConnectError('resource_exhausted', `The message is larger than ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export async function readConnectMessage(
  request: IncomingMessage,
  kind: 'unary' | 'stream',
  limits: JsonLimits,
): Promise<unknown> {
  const body = await readRequestBody(request, limits);
  return toCamelCaseKeys(parseConnectMessage(kind === 'unary' ? body : parseEnvelope(body), limits));
}

export function parseEnvelope(body: Buffer): Buffer {
  if (body.length < 5) throw new ConnectError('invalid_argument', 'The body has no whole envelope.');
  if (((body[0] ?? 0) & 1) === 1) throw new ConnectError('unimplemented', 'Compressed messages are not accepted.');
  const length = body.readUInt32BE(1);
  if (body.length < 5 + length) throw new ConnectError('invalid_argument', 'The body has no whole envelope.');
  return body.subarray(5, 5 + length);
}

export function parseConnectMessage(bytes: Buffer, limits: JsonLimits): unknown {
  if (bytes.length === 0) return {};
  const json = parseJson(bytes, limits);
  if (json.ok) return json.value;
  if (json.reason === 'not_json') throw new ConnectError('invalid_argument', 'The message is not JSON.');
  throw new ConnectError('resource_exhausted', `The message is too complex: ${json.detail}.`);
}

const maps = new Set(['envs', 'metadata']);
/** Keys inside `envs` and `metadata` are data and stay unchanged. */
export function toCamelCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCamelCaseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      maps.has(name) ? inner : toCamelCaseKeys(inner),
    ]),
  );
}

export function encodeEnvelope(flags: 0 | 2, message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

export function sendUnaryResponse(response: ServerResponse, message: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(message));
}
export function sendConnectError(response: ServerResponse, error: ConnectError): void {
  const body = JSON.stringify({ code: error.code, message: error.message });
  response.writeHead(statuses[error.code], { 'content-type': 'application/json' }).end(body);
}

/** Fails with status 200, because clients discard the error text of other statuses. */
export function failStream(request: IncomingMessage, response: ServerResponse, error: ConnectError): void {
  using failed = new ConnectStream(request, response, {});
  failed.end(error);
}

const defaultKeepaliveSeconds = 90;

export class ConnectStream implements Disposable {
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  readonly gone: AbortSignal;

  constructor(request: IncomingMessage, response: ServerResponse, keepalive: object) {
    const left = new AbortController();
    this.gone = left.signal;
    this.#response = response;
    response.once('close', () => left.abort()).on('error', () => {});
    if (response.destroyed) left.abort();
    response.writeHead(200, { 'content-type': 'application/connect+json', 'x-accel-buffering': 'no' });
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    const requested = Number(readHeader(request.headers, 'keepalive-ping-interval') ?? defaultKeepaliveSeconds);
    const seconds = requested >= 1 && requested <= 3_600 ? requested : defaultKeepaliveSeconds;
    this.#timer = setInterval(() => {
      if (!response.writableNeedDrain && !response.writableEnded) response.write(encodeEnvelope(0, keepalive));
    }, seconds * 1_000);
  }

  async send(message: object): Promise<void> {
    if (this.gone.aborted) return;
    this.#timer.refresh();
    if (this.#response.write(encodeEnvelope(0, message))) return;
    await once(this.#response, 'drain', { signal: this.gone }).catch(() => {});
  }
  end(error?: ConnectError): void {
    const reply = error ? { error: { code: error.code, message: error.message } } : {};
    if (!this.#response.writableEnded) this.#response.end(encodeEnvelope(2, reply));
  }
  /** Used when the sandbox is lost, because a normal end would make the stream look complete. */
  destroy(): void {
    destroyConnection(this.#response);
  }
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** In milliseconds; undefined if there is no timeout. */
export function parseConnectTimeout({ headers }: IncomingMessage): number | undefined {
  const text = readHeader(headers, 'connect-timeout-ms');
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new ConnectError('invalid_argument', 'Connect-Timeout-Ms is no whole number.');
  const ms = Number(text);
  return ms === 0 ? undefined : Math.min(ms, 2 ** 31 - 1);
}
