import type { TrpcContext } from './base.ts';

/**
 * A stream that counts as an open call. When the server goes down it stays open until its connection breaks: a client
 * takes an end for the end, and a broken line for a reason to come again.
 */
export async function* untilOver<Item>(
  ctx: TrpcContext,
  signal: AbortSignal,
  items: AsyncIterable<Item>,
): AsyncGenerator<Item, void, undefined> {
  using _call = ctx.calls.enter();
  yield* items;
  if (ctx.closing.aborted) await fired(signal);
}

async function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
