import type { Socket } from 'node:net';

/** Of each kind, so that neither can shut the other out. */
export const mostEach = 128;
const patienceMs = 5_000;
const openingBrace = 0x7b;

export interface Callers {
  daemon(socket: Socket): void;
  wayOut(socket: Socket): void;
}

/**
 * Tells who dials by the first byte: the daemon says who it is in a line of JSON, and neither HTTP nor SOCKS begins like
 * that. Who says nothing for long is no daemon.
 */
export function toldApart(callers: Callers): (socket: Socket) => void {
  const open = { daemon: 0, wayOut: 0 };
  return (socket) =>
    atFirstByte(socket, (byte) => {
      const kind = byte === openingBrace ? 'daemon' : 'wayOut';
      if (open[kind] >= mostEach) {
        socket.destroy();
        return;
      }
      open[kind] += 1;
      socket.once('close', () => (open[kind] -= 1));
      socket.allowHalfOpen = kind === 'wayOut'; // whoever serves that ends it
      callers[kind](socket);
    });
}

/** It stays unread; undefined where none comes. Told at once: what lies unread is announced only to who listens by then. */
function atFirstByte(socket: Socket, told: (byte: number | undefined) => void): void {
  const settle = (byte: number | undefined) => {
    clearTimeout(timer);
    socket.off('readable', look).off('end', give).off('close', give);
    if (!socket.destroyed) told(byte);
  };
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) return; // its end, which is told too
    socket.off('readable', look);
    socket.unshift(chunk);
    settle(chunk[0]);
  };
  const give = () => settle(undefined);
  const timer = setTimeout(give, patienceMs);
  socket.on('readable', look).once('end', give).once('close', give);
}
