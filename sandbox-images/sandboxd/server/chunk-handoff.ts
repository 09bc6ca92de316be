/** One writer, one reader. The writer waits until its chunk is taken. */
export interface ChunkHandoff {
  /** Resolves once the chunk is taken or the stream is closed. */
  give(chunk: Uint8Array): Promise<void>;
  /** Ends the stream. A pending chunk is still delivered. */
  close(): void;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export function createChunkHandoff(first?: Uint8Array): ChunkHandoff {
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
