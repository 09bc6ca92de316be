import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { callingActor } from './caller.ts';

const pingMs = 15_000;
/** A client that takes nothing for so long, or leaves so much lying, is cut off; it may resume by its cursor. */
const stalledMs = 30_000;
const maxQueuedBytes = 4 * 1024 * 1024;

export interface SseContext {
  readonly clock: Clock;
  /** The server goes down: every stream ends. */
  readonly closing: AbortSignal;
  /** Counts the stream for as long as it is open. */
  opened(): Disposable;
}

export interface SseStream extends Disposable {
  /** Fires when nobody listens any more, or may: the server goes down, or the key is no longer valid. */
  readonly gone: AbortSignal;
  /** A promise where the client must first take what lies there; it resolves in any case, also when the client is gone. */
  write(frame: Buffer): Promise<void> | undefined;
  /** Breaks the line, so that the client notices and resumes. */
  destroy(): void;
}

// JSON has no raw line breaks, so one `data:` line is always enough.
export function sseFrame({ id, event, data }: { id?: string; event: string; data: unknown }): Buffer {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Takes the response over. Whatever can be refused must be refused before: after the first byte there is no status. */
export function openSse(reply: FastifyReply, { clock, closing, opened }: SseContext): SseStream {
  const res = reply.hijack().raw;
  const hangUp = new AbortController();
  const counted = opened();
  const { ended } = callingActor();
  let timer: unknown;

  const gone = () => {
    clock.clearTimeout(timer);
    closing.removeEventListener('abort', onClosing);
    ended?.removeEventListener('abort', onClosing);
    counted[Symbol.dispose]();
    hangUp.abort();
  };
  const onClosing = () => hangUp.abort();
  const ping = () => {
    if (!res.writableNeedDrain && !res.socket?.writableNeedDrain)
      res.write(`: ping - ${new Date(clock.now()).toISOString()}\n\n`);
    timer = clock.setTimeout(ping, pingMs);
  };

  if (res.destroyed || res.closed) gone();
  else {
    res.once('close', gone);
    res.on('error', () => {}); // writing to a line that was cut just now; `close` follows
    closing.addEventListener('abort', onClosing, { once: true });
    ended?.addEventListener('abort', onClosing, { once: true });
    if (closing.aborted || ended?.aborted) onClosing();
    res.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no', // nginx would otherwise hold the stream back
      connection: 'close', // so that no idle socket is left for a shutdown to wait for
    });
    res.socket?.setNoDelay(true);
    res.write(': connected\n\n');
    timer = clock.setTimeout(ping, pingMs);
  }

  return {
    gone: hangUp.signal,
    write(frame) {
      if (hangUp.signal.aborted) return undefined;
      if (res.writableLength > maxQueuedBytes) {
        res.destroy();
        return undefined;
      }
      const { socket } = res;
      // Nothing waits for the connection itself; and a client of HTTP/1.0 knows no chunks.
      const isNext = socket && res.chunkedEncoding && res.writableLength === socket.writableLength;
      const hasRoom = isNext ? socket.write(asChunk(frame)) : res.write(frame);
      return hasRoom ? undefined : drained(isNext ? socket : res, clock, hangUp.signal);
    },
    destroy: () => void res.destroy(),
    [Symbol.dispose]() {
      clock.clearTimeout(timer);
      if (res.closed || res.destroyed) return;
      res.end();
      // What is still queued gets its time, but a client that reads nothing cannot hold a shutdown up.
      const last = clock.setTimeout(() => res.destroy(), closing.aborted ? 4_000 : stalledMs);
      res.once('close', () => clock.clearTimeout(last));
    },
  };
}

const chunks = new WeakMap<Buffer, Buffer>();

/**
 * As the chunk of HTTP that Node would make of it, in four pieces, for each response. Made once it goes to a hundred
 * subscribers as one `write` of one buffer each.
 */
function asChunk(frame: Buffer): Buffer {
  const known = chunks.get(frame);
  if (known) return known;
  const chunk = Buffer.concat([Buffer.from(`${frame.length.toString(16)}\r\n`), frame, lineEnd]);
  chunks.set(frame, chunk);
  return chunk;
}
const lineEnd = Buffer.from('\r\n');

/** Waits until the client took everything, left, or took nothing for too long and is cut off. */
function drained(out: FastifyReply['raw'] | Socket, clock: Clock, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = clock.setTimeout(() => out.destroy(), stalledMs);
  const done = () => {
    clock.clearTimeout(stalled);
    out.off('drain', done);
    gone.removeEventListener('abort', done);
    resolve();
  };
  out.once('drain', done);
  gone.addEventListener('abort', done, { once: true }); // which `close` fires too
  if (gone.aborted) done();
  return promise;
}
