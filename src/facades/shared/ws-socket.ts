import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import { toAppError } from '../../core/errors.ts';
import { onBehalf } from './caller.ts';
import { parseJsonBody } from './json-body.ts';
import type { HttpLogger } from './observe.ts';
import { publicText, wireErrors } from './wire-errors.ts';
import type { Connection } from './ws-connection.ts';
import { takeInTurn } from './ws-intake.ts';

const pingMs = 30_000;
const maxMissedPongs = 2;
const stalledMs = 30_000;
/** A history that is read faster than the client takes it waits here, far below the backlog that closes. */
const highWaterBytes = 256 * 1024;
/** At a shutdown; then the line is cut. */
const goodByeMs = 4_000;

export const closeCodes = {
  normal: 1000,
  shutdown: 1001,
  protocolError: 1002,
  notUnderstood: 1003,
  refused: 1008,
  tooBig: 1009,
  failed: 1011,
  restarted: 1012,
  tryAgain: 1013,
  sessionDeleted: 4410,
} as const;

export type JsonObject = Readonly<Record<string, unknown>>;

export interface Socket {
  /** Dropped where the socket is closed already. A client that lets 4 MiB pile up is closed with 1013. */
  sendJson(frame: object): void;
  /** A frame that many sockets get, made once by `textFrame`: none of them copies it. */
  sendFrame(frame: Buffer): void;
  sendBytes(bytes: Uint8Array): void;
  /**
   * Frames that are objects, one after the other: the next is given when the promise for the last has settled, and
   * beyond some that wait nothing more is read. So take quickly. `refuse` gets the others; the connection stays.
   */
  onJson(take: (frame: JsonObject) => void | Promise<void>, refuse: () => void | Promise<void>): void;
  /** Every frame as its bytes; instead of `onJson`. */
  onBytes(take: (bytes: Buffer) => void | Promise<void>): void;
  /** The first close counts; the reason is cut to what a frame can carry. */
  close(code: number, reason?: string): void;
  /** Closes as the one error table says; a bug is logged and says nothing about itself. */
  fail(thrown: unknown): void;
  /** Fires when it closes, whoever began it, and when the server goes down: the signal for `sessions.follow`. */
  readonly closed: AbortSignal;
  /**
   * Resolves when the client has taken most of what was sent, or is gone; one that takes nothing for 30 s is closed
   * with 1013. Await it between the events of a history (up to the head at the start); live ones are just sent.
   */
  drained(): Promise<void>;
  /** For a library that must speak to it directly; the limits hold there too. */
  readonly connection: Connection;
}

export interface SocketContext {
  readonly clock: Clock;
  /** Fires when the server goes down: every socket closes with 1001. */
  readonly closing: AbortSignal;
  readonly logger: HttpLogger;
  /** Counts the socket for as long as it is open. */
  opened(): Disposable;
}

/** A connection with what is the same for all of them: counted, pinged, closed at a shutdown. */
export function openSocket(connection: Connection, { clock, closing, logger, opened }: SocketContext): Socket {
  keepAlive(connection, clock);
  closeWithServer(connection, clock, closing);
  const counted = opened();
  connection.once('close', () => counted[Symbol.dispose]());
  connection.on('error', () => {}); // a broken frame or line; the close that follows says all there is to say

  const close = (code: number, reason = '') => connection.close(code, shortened(reason));
  const fail = (thrown: unknown) => {
    const error = toAppError(thrown);
    if (connection.leaving.aborted) return;
    if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error }, 'a socket failed');
    close(wireErrors[error.code].ws, publicText(error));
  };
  return {
    connection,
    closed: connection.leaving,
    sendJson: (frame) => connection.send(JSON.stringify(frame)),
    sendFrame: (frame) => connection.sendFrame(frame),
    sendBytes: (bytes) => connection.send(bytes),
    onJson(take, refuse) {
      const on = (bytes: Buffer, isBinary: boolean) => {
        const frame = isBinary ? undefined : parseFrame(bytes);
        return frame ? take(frame) : refuse();
      };
      takeInTurn(connection, fail, onBehalf(on));
    },
    onBytes: (take) => takeInTurn(connection, fail, onBehalf(take)),
    close,
    fail,
    drained: () => drained(connection, clock),
  };
}

/** Undefined for what is no JSON object, or is too deep or too rich to be one that somebody means. */
function parseFrame(bytes: Buffer): JsonObject | undefined {
  try {
    const frame = parseJsonBody(bytes);
    return typeof frame === 'object' && frame !== null && !Array.isArray(frame) ? (frame as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** A peer that is gone without a word (a cable, a laptop that sleeps) is noticed after two pings at the latest. */
function keepAlive(connection: Connection, clock: Clock): void {
  let missed = 0;
  let timer: unknown;
  const tick = () => {
    if (missed >= maxMissedPongs) return connection.terminate();
    if (!connection.isPaused) missed++; // else we are the ones who do not read
    if (connection.readyState === connection.OPEN) connection.ping();
    timer = clock.setTimeout(tick, pingMs);
  };
  timer = clock.setTimeout(tick, pingMs);
  connection.on('pong', () => {
    missed = 0;
  });
  connection.once('close', () => clock.clearTimeout(timer));
}

function closeWithServer(connection: Connection, clock: Clock, closing: AbortSignal): void {
  let last: unknown;
  const goDown = () => {
    connection.close(closeCodes.shutdown, 'The server is shutting down');
    last = clock.setTimeout(() => connection.terminate(), goodByeMs);
  };
  if (closing.aborted) goDown();
  else closing.addEventListener('abort', goDown, { once: true });
  connection.once('close', () => {
    closing.removeEventListener('abort', goDown);
    clock.clearTimeout(last);
  });
}

/** For as long as whoever opened it may. */
export function closeWith(socket: Socket, { ended }: Actor): void {
  if (!ended) return;
  const close = () => socket.close(closeCodes.refused, 'The key is not valid any more');
  if (ended.aborted) close();
  else ended.addEventListener('abort', close, { once: true });
  socket.connection.once('close', () => ended.removeEventListener('abort', close));
}

function drained(connection: Connection, clock: Clock): Promise<void> {
  const { leaving } = connection;
  if (connection.bufferedAmount <= highWaterBytes || leaving.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = () => connection.close(closeCodes.tryAgain, 'Too slow: resume by the last seq');
  let timer = clock.setTimeout(stalled, stalledMs);
  const flushed = connection.onFlushed(() => {
    clock.clearTimeout(timer);
    if (connection.bufferedAmount <= highWaterBytes) return resolve();
    timer = clock.setTimeout(stalled, stalledMs);
  });
  const left = () => resolve();
  leaving.addEventListener('abort', left, { once: true });
  return promise.finally(() => {
    clock.clearTimeout(timer);
    flushed[Symbol.dispose]();
    leaving.removeEventListener('abort', left);
  });
}

/** A close frame has room for 123 bytes, and `ws` throws beyond that. */
function shortened(reason: string): string {
  let short = reason;
  while (Buffer.byteLength(short) > 123) short = short.slice(0, -1);
  return short;
}
