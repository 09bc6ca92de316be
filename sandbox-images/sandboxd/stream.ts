import type { ServerResponse } from 'node:http';

export interface Chunks {
  /** Each is sent before the next is asked for, so that all may come in the same buffer. */
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
    await written(response, chunk);
  }
  if (trailer) response.addTrailers({ [trailer.name]: trailer.value() });
  response.end();
}

async function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  response.once('close', done);
  response.write(chunk, done);
  await promise;
  response.off('close', done);
}
