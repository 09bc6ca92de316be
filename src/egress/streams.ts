import type { Duplex, Readable } from 'node:stream';

/** Resolves when there may be something to read, or never will be. */
export async function readable(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const events = ['readable', 'end', 'close'] as const;
  for (const event of events) stream.once(event, wake);
  await promise;
  for (const event of events) stream.off(event, wake);
}

/** Exactly so many bytes, the rest left unread; undefined when the stream ends before. Small counts only. */
export async function readExactly(stream: Readable, bytes: number): Promise<Buffer | undefined> {
  while (!stream.readableEnded && !stream.destroyed) {
    const chunk = stream.read(bytes) as Buffer | null;
    // At its end a stream gives what is left, however little.
    if (chunk) return chunk.length === bytes ? chunk : undefined;
    await readable(stream);
  }
  return undefined;
}

/** Bytes one way, at the speed of the slower side; the end of one is the end of the other. */
export function flow(from: Duplex, to: Duplex, onBytes: (bytes: number) => void): void {
  from.pipe(to);
  from.on('data', (chunk: Buffer) => onBytes(chunk.length));
}
