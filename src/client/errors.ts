import { TRPCClientError } from '@trpc/client';
import type { ErrorData } from '../api/procedure/errors.ts';

/** `unreachable`: nothing answered, or the connection broke. All others are the server's codes. */
export type CorralErrorCode = ErrorData['reason'] | 'unreachable';

interface Details {
  readonly address: string;
  readonly hint?: string | undefined;
  readonly retryable?: boolean;
  /** The page of the server's guide, as its path. */
  readonly docs?: string | undefined;
  readonly cause?: unknown;
}

/** The failure of a call: what happened, the server that was asked, and what to do next. */
export class CorralError extends Error {
  override readonly name = 'CorralError';
  readonly code: CorralErrorCode;
  readonly address: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  /** The address of a page of the guide that says more, where there is one. */
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

/** The failure that the server reports, with a hint where there is one. */
export function toCorralError(
  code: CorralErrorCode,
  text: string,
  { address, retryable = false, docs }: Details,
): CorralError {
  return new CorralError(code, text, { address, retryable, docs, hint: hints[code] });
}

export function unreachable(address: string, cause?: unknown): CorralError {
  const reason = reasonOf(cause);
  const hint = 'Start it there (npm start), or name another address with CORRAL_URL.';
  const text = `No Corral server answers at ${address}${reason === undefined ? '' : ` (${reason})`}.`;
  return new CorralError('unreachable', text, { address, hint, retryable: true, cause });
}

/** The name that the system gives the failure, such as ECONNREFUSED. */
function reasonOf(thrown: unknown): string | undefined {
  for (let at = thrown; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^E[A-Z]+$|^UND_/.test(code)) return code;
  }
  return undefined;
}

/** Every failure of the low-level client as a CorralError. */
export function corralError(thrown: unknown, address: string): Error {
  if (thrown instanceof CorralError) return thrown;
  if (thrown instanceof TRPCClientError) {
    const data = thrown.data as ErrorData | undefined;
    if (data) return toCorralError(data.reason, thrown.message, { ...data, address });
    const status = (thrown.meta as { response?: { status?: number } } | undefined)?.response?.status;
    return status === undefined ? unreachable(address, thrown) : noCorral(address, status);
  }
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export const noCorral = (address: string, status: number): CorralError =>
  new CorralError('unreachable', `${address} answers ${status}, and is no Corral server.`, {
    address,
    hint: 'Name the server with CORRAL_URL.',
  });
