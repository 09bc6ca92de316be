import { AppError, toAppError } from '../errors/errors.ts';
import type { FactOf } from './events.ts';

export type ProtocolViolationData = FactOf<'sandbox.untrusted'>['data'];

/** The sandbox's responses violate the protocol, so another program may be answering in place of its daemon. */
export class ProtocolViolation extends Error {
  override readonly name = 'Breach';
  readonly data: ProtocolViolationData;

  constructor(data: ProtocolViolationData) {
    super(`${data.reason} in ${data.call}: ${data.detail}`);
    this.data = data;
  }
}

export const protocolViolationMessage =
  'The sandbox violated its protocol and was stopped; its files are kept. Send a message or start the sandbox to get a new one.';

export const toProtocolError = (data: ProtocolViolationData): AppError =>
  new AppError('sandbox_untrusted', protocolViolationMessage, { cause: new ProtocolViolation(data) });

export function findProtocolViolation(thrown: unknown): ProtocolViolationData | undefined {
  const { code, cause } = toAppError(thrown);
  if (code !== 'sandbox_untrusted') return undefined;
  if (cause instanceof ProtocolViolation) return cause.data;
  return { reason: 'wrong_shape', call: 'unknown', detail: 'Another server found that it cannot be trusted.' };
}
