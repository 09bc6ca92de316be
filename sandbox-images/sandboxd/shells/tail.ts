/** The last bytes of a stream, in a bounded amount of memory. */
export interface TailBuffer {
  push(chunk: Uint8Array): void;
  text(): string;
  /** Ends the stream and frees the memory that the kept bytes do not need. */
  close(): void;
}

export function tailBuffer(cap: number): TailBuffer {
  let buffer = Buffer.alloc(0);
  let length = 0;

  const room = (more: number) => {
    if (length + more <= buffer.length) return;
    const kept = Math.min(length, cap);
    // Twice the cap, so that copying is rare however small the chunks are.
    const bigger = Buffer.allocUnsafeSlow(Math.min(2 * cap, Math.max(2 * (kept + more), 1024)));
    const target = bigger.length >= kept + more && buffer.length !== bigger.length ? bigger : buffer;
    buffer.copy(target, 0, length - kept, length);
    buffer = target;
    length = kept;
  };
  const view = () => buffer.subarray(Math.max(0, length - cap), length);

  return {
    push(chunk) {
      const last = chunk.subarray(Math.max(0, chunk.length - cap));
      room(last.length);
      buffer.set(last, length);
      length += last.length;
    },
    text: () => view().toString(),
    close() {
      buffer = Buffer.from(view());
      length = buffer.length;
    },
  };
}
