import type { ServerResponse } from 'node:http';

export interface Chunks {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** When known; else the body is chunked. */
  readonly size?: number;
  /** Sent after the last byte: what became of it. */
  readonly trailer?: { readonly name: string; readonly value: () => string };
}

/** Bytes as they come, held back by a client that does not read. */
export async function sendChunks(response: ServerResponse, { chunks, size, trailer }: Chunks, signal: AbortSignal) {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(size === undefined ? {} : { 'content-length': size }),
    ...(trailer === undefined ? {} : { trailer: trailer.name }),
  });
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (signal.aborted) return;
    if (!response.write(chunk)) await drained(response);
  }
  if (trailer) response.addTrailers({ [trailer.name]: trailer.value() });
  response.end();
}

async function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve).once('close', resolve);
  await promise;
  response.off('drain', resolve).off('close', resolve);
}
