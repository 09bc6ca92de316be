const maxBytes = 64 * 1024 * 1024;
const watches = new WeakMap<AbortSignal, () => void>();

/** From now on `onBytes` hears of each arrival for a request with this signal. */
export const watchBytes = (signal: AbortSignal, onBytes: () => void): void => void watches.set(signal, onBytes);

/**
 * A `fetch` for the turns of a model. It tells of each arrival, follows no redirect, because that would send the key to
 * another host, and ends a reply that is larger than any model's.
 */
export const turnFetch =
  (via: typeof fetch = fetch): typeof fetch =>
  async (input, init) => {
    const onBytes = init?.signal ? watches.get(init.signal) : undefined;
    const response = await via(input, { ...init, redirect: 'error' });
    if (!response.body) return response;
    let left = maxBytes;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          left -= chunk.byteLength;
          if (left < 0) return controller.error(new Error('the reply is too large'));
          onBytes?.();
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, response);
  };
