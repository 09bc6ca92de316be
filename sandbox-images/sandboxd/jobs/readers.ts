import { Duplex, type Readable } from 'node:stream';
import { toFrames } from '../../../src/core/text/pipe-frames.ts';

/** Passes a job's output to any number of readers. Each gets the output since it joined. */
export interface Readers {
  /** Opens a stream of frames. A late reader of an ended job gets only the end. */
  join(): Duplex;
  /** Reports how the job ended, after all of its output. */
  end(how: object): void;
}

/** A reader that has more unread bytes than this blocks the job. */
const maxWaiting = 1024 * 1024;
/** How long output waits for the first reader. After that, unread output is lost. */
const firstReaderMs = 30_000;

export function readers(
  outputs: readonly { readonly channel: 'output' | 'errors'; readonly stream: Readable }[],
  touch: () => void,
): Readers {
  const all = new Set<Duplex>();
  const full = new Set<Duplex>();
  let isOpen = false;
  let last: Buffer | undefined;

  const flow = () => {
    for (const { stream } of outputs) {
      if (isOpen && full.size === 0) stream.resume();
      else stream.pause();
    }
  };
  const open = () => {
    clearTimeout(timer);
    isOpen = true;
    flow();
  };
  const timer = setTimeout(open, firstReaderMs);
  for (const { channel, stream } of outputs) {
    stream.on('data', (chunk: Buffer) => {
      if (!isOpen) {
        // Node resumes a child's pipes when it exits. The output must wait for the first reader.
        stream.pause();
        return void stream.unshift(chunk);
      }
      touch();
      const frame = toFrames(channel, chunk);
      for (const reader of all) if (!reader.push(frame)) full.add(reader);
      if (full.size > 0) flow();
    });
    stream.on('error', () => {});
  }
  flow();

  return {
    join() {
      const reader: Duplex = new Duplex({
        readableHighWaterMark: maxWaiting,
        read() {
          if (full.delete(reader)) flow();
        },
        write: (_chunk, _encoding, done) => done(),
        destroy(error, done) {
          all.delete(reader);
          if (full.delete(reader)) flow();
          done(error);
        },
      });
      reader.on('error', () => {});
      if (last) {
        reader.push(last);
        reader.push(null);
      } else {
        all.add(reader);
        open();
      }
      return reader;
    },
    end(how) {
      clearTimeout(timer);
      last = toFrames('end', Buffer.from(JSON.stringify(how)));
      for (const reader of all) {
        reader.push(last);
        reader.push(null);
      }
      all.clear();
    },
  };
}
