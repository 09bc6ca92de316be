import type { ServerResponse } from 'node:http';

export interface ChunkedBody {
  /** Each chunk is sent before the next is requested, so that all can share one buffer. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Undefined: the body is chunked. */
  readonly size?: number;
  readonly trailer?: { readonly name: string; readonly value: () => string };
}

export async function sendChunks(
  response: ServerResponse,
  { chunks, size, trailer }: ChunkedBody,
  signal: AbortSignal,
) {
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
