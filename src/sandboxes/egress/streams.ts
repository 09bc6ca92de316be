import type { Duplex, Readable } from 'node:stream';

export async function waitForData(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const events = ['readable', 'end', 'close'] as const;
  for (const event of events) stream.once(event, wake);
  await promise;
  for (const event of events) stream.off(event, wake);
}

/** Undefined if the stream ends early. Use only for small counts. */
export async function readExactly(stream: Readable, bytes: number): Promise<Buffer | undefined> {
  while (!stream.readableEnded && !stream.destroyed) {
    const chunk = stream.read(bytes) as Buffer | null;
    // At the end of a stream, read() can return fewer bytes.
    if (chunk) return chunk.length === bytes ? chunk : undefined;
    await waitForData(stream);
  }
  return undefined;
}

export function pipeOneWay(from: Duplex, to: Duplex, onBytes: (bytes: number) => void): void {
  from.pipe(to);
  from.on('data', (chunk: Buffer) => onBytes(chunk.length));
}
