export type FileContent = string | Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Buffers a stream in browsers, which cannot send streams over HTTP/1.1. */
export async function toRequestInit(content: FileContent): Promise<RequestInit> {
  if (typeof content === 'string' || content instanceof Uint8Array) return { body: content as string };
  if (content instanceof Blob) return { body: content };
  const body = content instanceof ReadableStream ? content : toStream(content);
  const isBrowser = typeof (globalThis as { document?: unknown }).document === 'object';
  return isBrowser ? { body: await new Response(body).blob() } : ({ body, duplex: 'half' } as RequestInit);
}

/** Like Node's `ReadableStream.from`, which some platforms lack. */
function toStream(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const from = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await from.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await from.return?.();
    },
  });
}

/** Works where streams cannot be iterated, as in Safari. */
export async function* readChunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) return;
      yield piece.value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}
