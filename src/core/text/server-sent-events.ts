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
  let begun: string[] = []; // a frame in parts: each is searched once
  let chars = 0;
  let held = ''; // a line end that the next part can continue
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
        yield eventOf([...begun, frame].join(''));
        [begun, chars] = [[], 0];
      }
      begun.push(last);
      chars += last.length;
      if (chars > maxChars) throw new RangeError(`an event has more than ${maxChars} characters`);
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
