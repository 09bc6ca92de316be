import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { readDeclaredLength } from './answers/answer-body.ts';
import type { OpenFile } from './client.ts';

interface Answer {
  readonly response: IncomingMessage;
  readonly chunks: AsyncIterable<Buffer>;
}
type Exchange = (signal: AbortSignal, read: (answer: Answer) => Promise<void>) => Promise<void>;

/** Resolves when the content begins to arrive. `maxBytes`: the largest file that the daemon sends. */
export async function openFile(exchange: Exchange, maxBytes: number, signal: AbortSignal): Promise<OpenFile> {
  const gone = new AbortController();
  const begun = Promise.withResolvers<OpenFile>();
  const content = new PassThrough();
  content.on('error', () => {}); // the content's reader gets the error too
  content.once('close', () => gone.abort());
  exchange(AbortSignal.any([signal, gone.signal]), async ({ response, chunks }) => {
    begun.resolve({ size: readDeclaredLength(response, { maxBytes, isMeasured: true }), content });
    for await (const chunk of chunks) {
      if (!content.write(chunk)) await once(content, 'drain', { signal: gone.signal });
    }
    content.end();
  }).catch((error) => {
    begun.reject(error);
    content.destroy(error);
  });
  return await begun.promise;
}
