import { AppError } from '../../../src/core/errors/errors.ts';

export function createLinkLifetime(sandbox: AbortSignal): { readonly lost: AbortSignal; close(): void } {
  const closing = new AbortController();
  return {
    lost: AbortSignal.any([sandbox, closing.signal]),
    close: () => closing.abort(new AppError('sandbox_lost', 'The link to the sandbox was closed.')),
  };
}
