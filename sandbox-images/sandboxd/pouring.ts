import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** More than the kernel lets wait between two programs, so that one look takes all that is there. */
const chunkBytes = 256 * 1024;
const mostChunks = 4;

/** A connection that gives nothing as `data`: what comes goes straight on to another one. */
export interface PouringSocket extends Socket {
  /** Once, and from the first byte; nothing is read before that, and nothing while the other takes nothing. */
  pourInto(to: Duplex): void;
}

/**
 * A screen is written in megabytes. As `data`, each 64 KiB of it would be memory of its own, which the kernel has to
 * clear and the collector to find; here the same few pieces are used again and again.
 */
export function pouringSocket(): PouringSocket {
  const free: Uint8Array[] = [];
  let to: Duplex | undefined;
  let early: Uint8Array | undefined;
  let waiting = 0;
  /** False: nothing more for now. Small chunks count like large ones, for each holds a whole buffer. */
  const give = (into: Duplex, buffer: Uint8Array, size: number): boolean => {
    waiting++;
    into.write(buffer.subarray(0, size), () => {
      free.push(buffer);
      if (waiting-- === mostChunks) socket.resume();
    });
    return waiting < mostChunks;
  };
  const socket = new Socket({
    onread: {
      buffer: () => free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes),
      callback(size, buffer) {
        if (to?.writable) return give(to, buffer, size);
        early = buffer.subarray(0, size);
        return to !== undefined;
      },
    },
  });
  return Object.assign(socket, {
    pourInto(into: Duplex) {
      to = into;
      if (early) into.write(early);
      socket.resume();
    },
  });
}
