import type { RawData } from 'ws';
import type { Clock } from '../../core/contracts/clock.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { toPublicMessage, wireErrors } from '../errors/wire-errors.ts';
import { bindCaller } from '../guard/caller.ts';
import type { HttpLogger } from '../routes/observe.ts';
import { parseJsonBody } from './json-body.ts';
import type { WsConnection } from './ws-connection.ts';

/** At either limit, reading pauses until both counts are at most half their limits. */
const maxWaiting = 64;
const maxWaitingBytes = 16 * 1024 * 1024;

/** Stops at the first failure, because later frames may depend on the failed one. */
function handleInOrder(
  connection: WsConnection,
  fail: (thrown: unknown) => void,
  take: (bytes: Buffer, isBinary: boolean) => void | Promise<void>,
): void {
  let waiting = 0;
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();
  const done = (size: number) => {
    waiting--;
    waitingBytes -= size;
    const hasRoom = waiting <= maxWaiting / 2 && waitingBytes <= maxWaitingBytes / 2;
    if (connection.isPaused && hasRoom) connection.resume();
  };
  connection.on('message', (data: RawData, isBinary) => {
    const bytes = data as Buffer;
    const { length } = bytes;
    waitingBytes += length;
    if (++waiting >= maxWaiting || waitingBytes > maxWaitingBytes) connection.pause();
    last = last
      .then(() => (connection.leaving.aborted ? undefined : take(bytes, isBinary)))
      .catch(fail)
      .then(() => done(length));
  });
}

const pingMs = 30_000;
const maxMissedPongs = 2;
const stalledMs = 30_000;
/** Sending history pauses while more than this many bytes are unsent. */
const highWaterBytes = 256 * 1024;
/** Maximum time, in ms, for the close handshake at shutdown. */
const closeTimeoutMs = 4_000;

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

export interface ClientSocket {
  /** Drops frames for a closed socket. Disconnects a client whose backlog exceeds 4 MiB (close code 1013). */
  sendJson(frame: object): void;
  sendFrames(frames: readonly Buffer[]): void;
  /** Sends events older than the subscription. Waits until the client has read most of them. */
  sendHistory(frames: readonly Buffer[]): Promise<void>;
  sendBytes(bytes: Uint8Array): void;
  /** Calls `take` with each JSON object and `refuse` for any other frame, one at a time. The connection stays open. */
  onJson(take: (frame: JsonObject) => void | Promise<void>, refuse: () => void | Promise<void>): void;
  /** Calls `take` with every frame as bytes. Use either this or `onJson`, not both. */
  onBytes(take: (bytes: Buffer) => void | Promise<void>): void;
  /** Only the first close has an effect. The reason is cut to fit a close frame. */
  close(code: number, reason?: string): void;
  /** Closes with the code from the error table. The text of an internal error is logged, not sent. */
  fail(thrown: unknown): void;
  /** Fires when either side closes, the connection breaks, or the server shuts down. */
  readonly closed: AbortSignal;
  /** Resolves when the client has read most of the bytes or is gone. Closes with 1013 if it reads nothing for 30 s. */
  drained(): Promise<void>;
  /** Some libraries need the connection itself. The backlog limit applies to it too. */
  readonly connection: WsConnection;
}

export interface SocketContext {
  readonly clock: Clock;
  /** Fires when the server shuts down; every socket closes with 1001. */
  readonly closing: AbortSignal;
  readonly logger: HttpLogger;
  opened(): Disposable;
}

export function wrapConnection(
  connection: WsConnection,
  { clock, closing, logger, opened }: SocketContext,
): ClientSocket {
  keepAlive(connection, clock);
  closeWithServer(connection, clock, closing);
  const counted = opened();
  connection.once('close', () => counted[Symbol.dispose]());
  connection.on('error', () => {}); // handled by the `close` event that follows

  const close = (code: number, reason = '') => connection.close(code, shortened(reason));
  const fail = (thrown: unknown) => {
    const error = toAppError(thrown);
    if (connection.leaving.aborted) return;
    if (wireErrors[error.code].http === 500) logger.error({ err: error.cause ?? error }, 'a socket failed');
    close(wireErrors[error.code].ws, toPublicMessage(error));
  };
  return {
    connection,
    closed: connection.leaving,
    sendJson: (frame) => connection.send(JSON.stringify(frame)),
    sendFrames: (frames) => connection.sendTexts(frames),
    async sendHistory(frames) {
      for (const frame of frames) {
        connection.sendTexts([frame]);
        await drained(connection, clock);
      }
    },
    sendBytes: (bytes) => connection.send(bytes),
    onJson(take, refuse) {
      const on = (bytes: Buffer, isBinary: boolean) => {
        const frame = isBinary ? undefined : parseFrame(bytes);
        return frame ? take(frame) : refuse();
      };
      handleInOrder(connection, fail, bindCaller(on));
    },
    onBytes: (take) => handleInOrder(connection, fail, bindCaller(take)),
    close,
    fail,
    drained: () => drained(connection, clock),
  };
}

function parseFrame(bytes: Buffer): JsonObject | undefined {
  try {
    const frame = parseJsonBody(bytes);
    return typeof frame === 'object' && frame !== null && !Array.isArray(frame) ? (frame as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function keepAlive(connection: WsConnection, clock: Clock): void {
  let missed = 0;
  let timer: unknown;
  const tick = () => {
    if (missed >= maxMissedPongs) return connection.terminate();
    if (!connection.isPaused) missed++; // no pongs are read while the connection is paused
    if (connection.readyState === connection.OPEN) connection.ping();
    timer = clock.setTimeout(tick, pingMs);
  };
  timer = clock.setTimeout(tick, pingMs);
  connection.on('pong', () => {
    missed = 0;
  });
  connection.once('close', () => clock.clearTimeout(timer));
}

function closeWithServer(connection: WsConnection, clock: Clock, closing: AbortSignal): void {
  let last: unknown;
  const goDown = () => {
    connection.close(closeCodes.shutdown, 'The server is shutting down');
    last = clock.setTimeout(() => connection.terminate(), closeTimeoutMs);
  };
  if (closing.aborted) goDown();
  else closing.addEventListener('abort', goDown, { once: true });
  connection.once('close', () => {
    closing.removeEventListener('abort', goDown);
    clock.clearTimeout(last);
  });
}

export function closeOnKeyRevocation(socket: ClientSocket, { ended }: Principal): void {
  if (!ended) return;
  const close = () => socket.close(closeCodes.refused, 'The key is no longer valid');
  if (ended.aborted) close();
  else ended.addEventListener('abort', close, { once: true });
  socket.connection.once('close', () => ended.removeEventListener('abort', close));
}

function drained(connection: WsConnection, clock: Clock): Promise<void> {
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

/** `ws` throws if the reason exceeds 123 bytes. */
function shortened(reason: string): string {
  let short = reason;
  while (Buffer.byteLength(short) > 123) short = short.slice(0, -1);
  return short;
}
