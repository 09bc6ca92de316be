import type { z } from 'zod';
import { type JsonLimits, jsonWithin } from '../../core/text/json.ts';

const maxFrameChars = 32 * 2 ** 20;
const frameLimits: JsonLimits = { maxBytes: 2 * maxFrameChars, maxDepth: 200, maxValues: 1_000_000 };

/** The events of a server-sent stream, without the frames that keep it open. Throws what an `error` frame says. */
export async function* readFrames<Shape extends z.ZodType>(
  body: ReadableStream<Uint8Array> | null,
  shape: Shape,
): AsyncGenerator<z.infer<Shape>, void> {
  if (!body) return;
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true }).replaceAll('\r\n', '\n');
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    if (text.length > maxFrameChars) throw new Error('The server streams an event of more than 32 MiB.');
    for (const frame of frames) {
      const { event, data } = fieldsOf(frame);
      if (data === undefined || event === 'ping') continue;
      if (event === 'error') throw new Error(`The server ends the stream: ${data.slice(0, 500)}`);
      yield shape.parse(jsonWithin(data, frameLimits));
    }
  }
}

function fieldsOf(frame: string): { event?: string; data?: string } {
  const lines = frame.split('\n').map((line) => /^(event|data): ?(.*)$/s.exec(line) ?? []);
  const of = (name: string) => lines.filter(([, field]) => field === name).map(([, , value = '']) => value);
  const [event] = of('event');
  const data = of('data');
  return { ...(event !== undefined && { event }), ...(data.length > 0 && { data: data.join('\n') }) };
}
