import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The limit for connections of each kind, so that no kind can block another. */
const maxEach = 128;
/** The server opens these itself, and its sandbox client limits their number. */
const maxStreams = 2_048;
/** All connections of a sandbox. Its parts have limits of their own. */
export const maxConnections = 3 * maxEach + maxStreams;
const patienceMs = 5_000;
const openingBrace = 0x7b;

export interface Callers {
  daemon(socket: Socket): void;
  wayOut(socket: Socket): void;
}
export interface Peers {
  serve(socket: Socket): void;
  /** The server turned this connection into a stream, which no longer counts towards the limit of its kind. */
  asStream(connection: Duplex): void;
}

/**
 * Distinguishes the two kinds of peers by the first byte: a daemon sends a line of JSON, and neither HTTP nor SOCKS
 * begins like that. A peer that stays silent is not a daemon.
 */
export function byPeerKind(callers: Callers): Peers {
  const open = { silent: new Set<Duplex>(), daemon: new Set<Duplex>(), wayOut: new Set<Duplex>() };
  const admit = (kind: keyof typeof open, socket: Socket): boolean => {
    if (open[kind].size >= maxEach) {
      socket.destroy();
      return false;
    }
    open[kind].add(socket);
    socket.once('close', () => open[kind].delete(socket));
    return true;
  };
  return {
    serve(socket) {
      if (!admit('silent', socket)) return;
      atFirstByte(socket, (byte) => {
        const kind = byte === openingBrace ? 'daemon' : 'wayOut';
        open.silent.delete(socket);
        if (!admit(kind, socket)) return;
        socket.allowHalfOpen = kind === 'wayOut'; // the egress gate ends the connection
        callers[kind](socket);
      });
    },
    asStream: (connection) => void open.daemon.delete(connection),
  };
}

/**
 * Leaves the byte unread; undefined if none comes. Calls `report` synchronously, because a later listener would not get
 * the event for unread bytes.
 */
function atFirstByte(socket: Socket, report: (byte: number | undefined) => void): void {
  const settle = (byte: number | undefined) => {
    clearTimeout(timer);
    socket.off('readable', look).off('end', give).off('close', give);
    if (!socket.destroyed) report(byte);
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
