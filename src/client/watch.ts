import { combineSignals } from '../core/concurrency/cancel.ts';
import { parseStreamFrames } from '../core/text/stream-frames.ts';
import { readChunks } from './bodies.ts';
import type { Connection } from './connection.ts';
import { CorralError } from './errors.ts';
import { createCutOffError, parseEndFrame } from './exec.ts';

/** A move is a `rename` of the old name and a `create` of the new one. `lost`: changes may have been missed. */
export interface FileChange {
  readonly type: 'create' | 'write' | 'remove' | 'rename' | 'chmod' | 'lost';
  /** Relative to the watched folder. */
  readonly name: string;
}
export interface WatchOptions {
  /** Also watches the folders below the watched folder, even new ones; default: true. */
  readonly recursive?: boolean;
  readonly signal?: AbortSignal;
}
const pauseMs = 500;
const longestPauseMs = 5_000;

export async function watchFiles(
  server: Connection,
  address: string,
  { path, recursive = true, signal }: WatchOptions & { readonly path: string },
): Promise<AsyncGenerator<FileChange, void>> {
  const query = new URLSearchParams({ path, recursive: String(recursive) });
  const left = new AbortController();
  const until = signal ? combineSignals([signal, left.signal]) : left.signal;
  const open = async () => await server.request(`${address}?${query}`, { signal: until });
  const first = await open();
  return (async function* () {
    try {
      let answer: Response | undefined = first;
      for (let failures = 0; ; failures++) {
        try {
          answer ??= await open();
          if (failures > 0) yield { type: 'lost', name: '' } as const;
          failures = 0;
          yield* readChanges(answer, server.address);
          return;
        } catch (thrown) {
          if (!(thrown instanceof CorralError && thrown.retryable)) throw thrown;
        }
        answer = undefined;
        await new Promise((resolve) => setTimeout(resolve, Math.min(longestPauseMs, pauseMs * 2 ** failures)));
      }
    } finally {
      left.abort();
    }
  })();
}

async function* readChanges({ body }: Response, address: string): AsyncGenerator<FileChange, void> {
  const pieces = readChunks(body);
  try {
    for await (const { channel, payload } of parseStreamFrames(pieces)) {
      if (channel === 'output') yield JSON.parse(new TextDecoder().decode(payload)) as FileChange;
      if (channel === 'end') return void parseEndFrame(payload, address);
    }
  } catch (thrown) {
    if (thrown instanceof TypeError) throw createCutOffError(address); // fetch's error for a broken connection
    throw thrown;
  }
  throw createCutOffError(address);
}
