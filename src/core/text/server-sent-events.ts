// Server-sent events as readers of a stream get them. The packaged client reads with it, so this file uses nothing of Node.

export interface ServerSentEvent {
  /** `message` where the server names none. */
  readonly type: string;
  /** Undefined: the frame only changes the position or the pause, or keeps the connection open. */
  readonly data: string | undefined;
  readonly id: string | undefined;
  /** The pause before the next connection, in ms. */
  readonly retry: number | undefined;
}

/** The frames of the stream as they come. A last one that was cut off does not count. Throws a RangeError for one that is too long. */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
  maxChars = Number.POSITIVE_INFINITY,
): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader(); // not every browser iterates over a stream
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + decoder.decode(value, { stream: true })).replaceAll('\r\n', '\n');
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      if (text.length > maxChars) throw new RangeError(`an event has more than ${maxChars} characters`);
      for (const frame of frames) yield eventOf(frame);
    }
  } finally {
    await reader.cancel().catch(() => {}); // a reader that stops early ends the connection
  }
}

function eventOf(frame: string): ServerSentEvent {
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
