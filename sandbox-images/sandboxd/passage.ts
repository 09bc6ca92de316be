/** From whoever prints to whoever reads: one chunk at a time, and the printer waits until it was taken. */
export interface Passage {
  /** Resolves when it was taken, or nobody reads any more. */
  give(chunk: Uint8Array): Promise<void>;
  /** Nothing more will come; what lies there is still given. */
  close(): void;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** `first` comes before whatever is given. */
export function passage(first?: Uint8Array): Passage {
  let lying: Uint8Array | undefined;
  let isOver = false;
  let bell = Promise.withResolvers<void>();
  const ring = () => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (first && first.length > 0) yield first;
    for (;;) {
      if (lying) {
        yield lying;
        lying = undefined;
        ring();
      } else if (isOver) return;
      else await bell.promise;
    }
  }
  return {
    async give(chunk) {
      if (isOver) return;
      lying = chunk;
      ring();
      while (lying === chunk && !isOver) await bell.promise;
    },
    close() {
      isOver = true;
      ring();
    },
    chunks: chunks(),
  };
}
