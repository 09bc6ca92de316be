import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../core/contracts/clock.ts';
import { getCurrentPrincipal } from '../guard/caller.ts';

const pingMs = 15_000;
const stalledMs = 30_000;
const maxQueuedBytes = 4 * 1024 * 1024;
/** A larger frame is written alone. Large writes cost the kernel less per byte. */
const pieceBytes = 64 * 1024;

export interface SseContext {
  readonly clock: Clock;
  readonly closing: AbortSignal;
  opened(): Disposable;
}

export interface SseStream extends Disposable {
  /** Fires when the client leaves, its key is revoked, or the server shuts down. */
  readonly gone: AbortSignal;
  /** Await the returned promise before the next write. It also resolves if the client leaves. */
  write(frame: Buffer): Promise<void> | undefined;
  /** Like `write`, with as few writes as possible. */
  writeAll(frames: readonly Buffer[]): Promise<void> | undefined;
  /** Cuts the connection. The client notices and resumes from its cursor. */
  destroy(): void;
}

// JSON contains no raw line breaks, so one `data:` line is always enough.
export function toSseFrame({ id, event, data }: { id?: string; event: string; data: unknown }): Buffer {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Refuse a request before this call, because the status cannot change afterwards. */
export function openSse(reply: FastifyReply, { clock, closing, opened }: SseContext): SseStream {
  const res = reply.hijack().raw;
  const hangUp = new AbortController();
  const counted = opened();
  const { ended } = getCurrentPrincipal();
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
    res.on('error', () => {}); // a write can fail on a connection that has just closed
    closing.addEventListener('abort', onClosing, { once: true });
    ended?.addEventListener('abort', onClosing, { once: true });
    if (closing.aborted || ended?.aborted) onClosing();
    writeStreamHead(res, {
      ...reply.getHeaders(),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
    });
    res.write(': connected\n\n');
    timer = clock.setTimeout(ping, pingMs);
  }

  const put = (bytes: Buffer) => {
    if (hangUp.signal.aborted) return undefined;
    if (res.writableLength > maxQueuedBytes) {
      res.destroy();
      return undefined;
    }
    return res.write(bytes) ? undefined : waitForDrain(res, stalledMs, clock, hangUp.signal);
  };

  return {
    gone: hangUp.signal,
    write: put,
    writeAll(frames) {
      const pieces = joinFramesIntoChunks(frames);
      const [first] = pieces;
      if (pieces.length <= 1) return first && put(first);
      return (async () => {
        for (const piece of pieces) await put(piece);
      })();
    },
    destroy: () => void res.destroy(),
    [Symbol.dispose]() {
      clock.clearTimeout(timer);
      if (res.closed || res.destroyed) return;
      res.end();
      // Keeps a client with unread bytes from delaying a shutdown.
      const last = clock.setTimeout(() => res.destroy(), closing.aborted ? 4_000 : stalledMs);
      res.once('close', () => clock.clearTimeout(last));
    },
  };
}

export function joinFramesIntoChunks(frames: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[][] = [];
  let bytes = pieceBytes;
  for (const frame of frames) {
    if (bytes + frame.length > pieceBytes) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)?.push(frame);
    bytes += frame.length;
  }
  return pieces.map((piece) => Buffer.concat(piece));
}

export function writeStreamHead(res: ServerResponse, headers: Record<string, unknown>): void {
  res.writeHead(200, {
    ...(headers as OutgoingHttpHeaders),
    'x-accel-buffering': 'no', // keeps nginx from buffering the stream
    // An unread request body would be parsed as the next request.
    connection: 'close',
  });
  res.socket?.setNoDelay(true);
}

export function waitForDrain(
  out: FastifyReply['raw'],
  stalledMs: number,
  clock: Clock,
  gone: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = clock.setTimeout(() => out.destroy(), stalledMs);
  const done = () => {
    clock.clearTimeout(stalled);
    out.off('drain', done);
    gone.removeEventListener('abort', done);
    resolve();
  };
  out.once('drain', done);
  gone.addEventListener('abort', done, { once: true }); // the response's `close` event fires this signal too
  if (gone.aborted) done();
  return promise;
}
