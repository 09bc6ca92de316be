import type { Readable, Writable } from 'node:stream';

/** `pass` returns what can be sent now; `rest` returns the remaining bytes at the end. */
export interface StreamFilter {
  pass(chunk: Buffer): Buffer;
  rest(): Buffer;
}

const asItIs: StreamFilter = { pass: (chunk) => chunk, rest: () => Buffer.alloc(0) };
const maxWaiting = 256 * 1024;

/** Chunks of one event-loop turn share a write: separate writes cost as much as encryption. */
export function pipeFiltered(from: Readable, to: Writable, { pass, rest }: StreamFilter = asItIs): void {
  let corked: NodeJS.Immediate | undefined;
  const uncork = () => {
    if (!corked) return;
    clearImmediate(corked);
    corked = undefined;
    to.uncork();
  };
  from.on('data', (chunk: Buffer) => {
    const passed = pass(chunk);
    if (to.destroyed || passed.length === 0) return;
    if (!corked) {
      to.cork();
      corked = setImmediate(uncork);
    }
    to.write(passed);
    if (to.writableLength >= maxWaiting) from.pause();
  });
  to.on('drain', () => void from.resume());
  from.once('end', () => {
    const last = rest();
    if (to.destroyed) return;
    if (last.length > 0) to.write(last);
    uncork(); // otherwise Node 24 would send an HTTP response's corked bytes after its end marker
    to.end();
  });
}
