const maxBytes = 64 * 1024 * 1024;

/**
 * A `fetch` for one turn. It tells of each arrival, follows no redirect, because that would send the key to another
 * host, and ends a reply that is larger than any model's.
 */
export function turnFetch(onBytes: () => void): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'error' });
    if (!response.body) return response;
    let left = maxBytes;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          left -= chunk.byteLength;
          if (left < 0) return controller.error(new Error('the reply is too large'));
          onBytes();
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, response);
  };
}
