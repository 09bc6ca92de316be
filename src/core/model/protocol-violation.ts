import { AppError, toAppError } from '../errors/errors.ts';
import type { FactOf } from './events.ts';

export type BreachData = FactOf<'sandbox.untrusted'>['data'];

/** A sandbox broke a protocol rule: another program answers in its daemon's place, or imitates the daemon. */
export class ProtocolViolation extends Error {
  override readonly name = 'Breach';
  readonly data: BreachData;

  constructor(data: BreachData) {
    super(`${data.reason} in ${data.call}: ${data.detail}`);
    this.data = data;
  }
}

export const distrustError =
  'The sandbox broke the rules of its protocol and was ended; its files are kept. Send a message, or start the sandbox, to get a new one.';

export const toProtocolError = (data: BreachData): AppError =>
  new AppError('sandbox_untrusted', distrustError, { cause: new ProtocolViolation(data) });

/** The broken rule; undefined if the error has another cause. */
export function findViolation(thrown: unknown): BreachData | undefined {
  const { code, cause } = toAppError(thrown);
  if (code !== 'sandbox_untrusted') return undefined;
  if (cause instanceof ProtocolViolation) return cause.data;
  return { reason: 'wrong_shape', call: 'unknown', detail: 'Another server found that it cannot be trusted.' };
}
