import type { z } from 'zod';
import { type JsonLimits, jsonWithin } from '../../core/text/json.ts';
import { serverSentEvents } from '../../core/text/server-sent-events.ts';

const maxFrameChars = 32 * 2 ** 20;
const frameLimits: JsonLimits = { maxBytes: 2 * maxFrameChars, maxDepth: 200, maxValues: 1_000_000 };

/** The events of a stream, without the frames that keep it open. Throws what an `error` frame says. */
export async function* readFrames<Shape extends z.ZodType>(
  body: ReadableStream<Uint8Array> | null,
  shape: Shape,
): AsyncGenerator<z.infer<Shape>, void> {
  if (!body) return;
  for await (const { type, data } of serverSentEvents(body, maxFrameChars)) {
    if (data === undefined || type === 'ping') continue;
    if (type === 'error') throw new Error(`The server ends the stream: ${data.slice(0, 500)}`);
    yield shape.parse(jsonWithin(data, frameLimits));
  }
}
