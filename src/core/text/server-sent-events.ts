// Uses no Node APIs, because the packaged client includes this file.

export interface ServerSentEvent {
  /** Default: `message`. */
  readonly type: string;
  /** Undefined for a frame without data, such as a ping. */
  readonly data: string | undefined;
  readonly id: string | undefined;
  /** Milliseconds before reconnecting. */
  readonly retry: number | undefined;
}

/** Ignores an incomplete last frame. Throws a RangeError for an oversized frame. */
export async function* parseServerSentEvents(
  body: ReadableStream<Uint8Array>,
  maxChars = Number.POSITIVE_INFINITY,
): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader(); // not every browser can iterate over a stream
  let begun: string[] = []; // chunks of an incomplete frame, each searched only once
  let chars = 0;
  let held = ''; // a line ending that the next chunk may complete
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = held + decoder.decode(value, { stream: true });
      const [end = ''] = /[\r\n]{0,3}$/.exec(text.slice(-3)) ?? [];
      const isOpen = end !== '' && !end.replaceAll('\r\n', '\n').endsWith('\n\n');
      held = isOpen ? end : '';
      const frames = text
        .slice(0, text.length - held.length)
        .replaceAll('\r\n', '\n')
        .split('\n\n');
      const last = frames.pop() ?? '';
      for (const frame of frames) {
        yield parseEvent([...begun, frame].join(''));
        [begun, chars] = [[], 0];
      }
      begun.push(last);
      chars += last.length;
      if (chars > maxChars) throw new RangeError(`an event has more than ${maxChars} characters`);
    }
  } finally {
    await reader.cancel().catch(() => {}); // closes the connection when a reader stops early
  }
}

function parseEvent(frame: string): ServerSentEvent {
  const fields = frame.split('\n').map((line) => {
    const [name = ''] = line.split(':', 1);
    return { name, value: line.slice(name.length + 1).replace(/^ /, '') };
  });
  const valuesOf = (field: string) => fields.filter(({ name }) => name === field).map(({ value }) => value);
  const data = valuesOf('data');
  const retry = valuesOf('retry').at(-1) ?? '';
  return {
    type: valuesOf('event').at(-1) ?? 'message',
    data: data.length > 0 ? data.join('\n') : undefined,
    id: valuesOf('id').at(-1),
    retry: /^\d+$/.test(retry) ? Number(retry) : undefined,
  };
}
