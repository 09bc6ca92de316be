import type { TrpcContext } from './context.ts';

/** A stream that counts as an open call of its connection until it ends. */
export async function* countOpenCall<Item>(
  { calls }: Pick<TrpcContext, 'calls'>,
  items: AsyncIterable<Item>,
): AsyncGenerator<Item, void, undefined> {
  using _call = calls.enter();
  yield* items;
}
