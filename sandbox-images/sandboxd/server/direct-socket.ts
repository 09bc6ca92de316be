import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Larger than the kernel's buffer, so that one read takes all available data. */
const chunkBytes = 256 * 1024;
const maxChunks = 4;

/** Emits no `data` events: bytes go straight to another connection. */
export interface DirectSocket extends Socket {
  /** False if the connection ends before the peer sends a byte. */
  readonly spoken: Promise<boolean>;
  /** Call once. Also forwards data that was already read. */
  pourInto(to: Duplex): void;
}

/** Reuses a few buffers, because `data` events would allocate one for every 64 KiB. */
export function createDirectSocket(): DirectSocket {
  const free: Uint8Array[] = [];
  let to: Duplex | undefined;
  let early: Uint8Array | undefined;
  let waiting = 0;
  const { promise: spoken, resolve: speak } = Promise.withResolvers<boolean>();
  /** False if no buffer is left. Even a small chunk occupies a whole buffer. */
  const give = (into: Duplex, buffer: Uint8Array, size: number): boolean => {
    waiting++;
    into.write(buffer.subarray(0, size), () => {
      free.push(buffer);
      if (waiting-- === maxChunks) socket.resume();
    });
    return waiting < maxChunks;
  };
  const socket = new Socket({
    onread: {
      buffer: () => free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes),
      callback(size, buffer) {
        if (to?.writable) return give(to, buffer, size);
        early = buffer.subarray(0, size);
        speak(true);
        return to !== undefined;
      },
    },
  });
  socket.once('close', () => speak(false));
  return Object.assign(socket, {
    spoken,
    pourInto(into: Duplex) {
      to = into;
      if (early) into.write(early);
      socket.resume();
    },
  });
}
