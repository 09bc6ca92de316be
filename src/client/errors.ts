import { TRPCClientError } from '@trpc/client';
import type { TrpcErrorData } from '../api/procedure/errors.ts';

/** `unreachable`: no Corral server answered, or the connection broke. */
export type CorralErrorCode = TrpcErrorData['reason'] | 'unreachable';

interface Details {
  readonly address: string;
  readonly hint?: string | undefined;
  readonly retryable?: boolean;
  /** The path of the page about this error in the server's guide. */
  readonly docs?: string | undefined;
  readonly cause?: unknown;
}

/** A failed call: what happened, which server was called, and what to do next. */
export class CorralError extends Error {
  override readonly name = 'CorralError';
  readonly code: CorralErrorCode;
  readonly address: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  /** The address of the guide's page about this error, if there is one. */
  readonly docs: string | undefined;

  constructor(code: CorralErrorCode, text: string, { address, hint, retryable = false, docs, cause }: Details) {
    super(hint === undefined ? text : `${text} ${hint}`, { cause });
    this.code = code;
    this.address = address;
    this.hint = hint;
    this.retryable = retryable;
    this.docs = docs === undefined ? undefined : new URL(docs, address).href;
  }
}

const hints: Partial<Record<CorralErrorCode, string>> = {
  unauthorized: 'Set CORRAL_TOKEN to the token of the server, or to a key of it.',
  forbidden: 'Another key may have that right.',
  rate_limited: 'Wait a minute, and check the token.',
};

export function createServerError(
  code: CorralErrorCode,
  text: string,
  { address, retryable = false, docs }: Details,
): CorralError {
  return new CorralError(code, text, { address, retryable, docs, hint: hints[code] });
}

export function createUnreachableError(address: string, cause?: unknown): CorralError {
  const reason = findReason(cause);
  const hint = 'Start it there (npm start), or set CORRAL_URL to another address.';
  const text = `No Corral server answers at ${address}${reason === undefined ? '' : ` (${reason})`}.`;
  return new CorralError('unreachable', text, { address, hint, retryable: true, cause });
}

/** The code of the failure, such as ECONNREFUSED or UND_ERR_CONNECT_TIMEOUT. */
function findReason(thrown: unknown): string | undefined {
  for (let at = thrown; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^E[A-Z]+$|^UND_/.test(code)) return code;
  }
  return undefined;
}

export function toCorralError(thrown: unknown, address: string): Error {
  if (thrown instanceof CorralError) return thrown;
  if (thrown instanceof TRPCClientError) {
    const data = thrown.data as TrpcErrorData | undefined;
    if (data) return createServerError(data.reason, thrown.message, { ...data, address });
    const status = (thrown.meta as { response?: { status?: number } } | undefined)?.response?.status;
    return status === undefined ? createUnreachableError(address, thrown) : createNotCorralError(address, status);
  }
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export const createNotCorralError = (address: string, status: number): CorralError =>
  new CorralError('unreachable', `${address} answered with status ${status} and is not a Corral server.`, {
    address,
    hint: 'Set CORRAL_URL to the address of the server.',
  });
