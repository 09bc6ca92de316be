import type { Socket } from 'node:net';

/** The limit for connections of each kind, so that neither kind can block the other. */
export const mostEach = 128;
const patienceMs = 5_000;
const openingBrace = 0x7b;

export interface Callers {
  daemon(socket: Socket): void;
  wayOut(socket: Socket): void;
}

/**
 * Tells the two kinds of peers apart by the first byte: a daemon sends a line of JSON, and neither HTTP nor SOCKS begins
 * like that. A peer that stays silent for long is not a daemon.
 */
export function byPeerKind(callers: Callers): (socket: Socket) => void {
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
      socket.allowHalfOpen = kind === 'wayOut'; // the egress gate ends the connection
      callers[kind](socket);
    });
}

/**
 * Leaves the byte unread; undefined if none comes. Calls `told` synchronously, because a later listener would not get the
 * event for unread bytes.
 */
function atFirstByte(socket: Socket, told: (byte: number | undefined) => void): void {
  const settle = (byte: number | undefined) => {
    clearTimeout(timer);
    socket.off('readable', look).off('end', give).off('close', give);
    if (!socket.destroyed) told(byte);
  };
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) return; // the connection's end, which has its own event
    socket.off('readable', look);
    socket.unshift(chunk);
    settle(chunk[0]);
  };
  const give = () => settle(undefined);
  const timer = setTimeout(give, patienceMs);
  socket.on('readable', look).once('end', give).once('close', give);
}
