import { Transform } from 'node:stream';
import type { StreamFilter } from '../pipe-filtered.ts';

/** Relays bytes until one of `texts` appears, even across chunks. Then calls `found` once with its index. */
export function createTextCutoffFilter(texts: readonly Buffer[], found: (which: number) => void): StreamFilter {
  const none = Buffer.alloc(0);
  let held = none;
  let isOver = false;
  return {
    pass(chunk) {
      if (isOver) return none;
      const seen = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const which = texts.findIndex((text) => seen.includes(text));
      if (which >= 0) {
        isOver = true;
        held = none;
        found(which);
        return none;
      }
      const keep = countBytesToHold(texts, seen);
      held = keep > 0 ? Buffer.from(seen.subarray(seen.length - keep)) : none;
      return seen.subarray(0, seen.length - keep);
    },
    rest: () => (isOver ? none : held),
  };
}

export const createTextCutoffStream = (texts: readonly Buffer[], found: (which: number) => void): Transform =>
  createFilterStream(createTextCutoffFilter(texts, found));

export const createFilterStream = ({ pass, rest }: StreamFilter): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, pass(chunk)),
    flush: (done) => done(null, rest()),
  });

export const countBytesToHold = (texts: readonly Buffer[], seen: Buffer): number =>
  Math.max(0, ...texts.map((text) => computeOverlap(text, seen)));

function computeOverlap(text: Buffer, seen: Buffer): number {
  const [first] = text;
  if (first === undefined) return 0;
  let at = seen.indexOf(first, Math.max(0, seen.length - text.length + 1));
  while (at >= 0) {
    if (seen.compare(text, 0, seen.length - at, at) === 0) return seen.length - at;
    at = seen.indexOf(first, at + 1);
  }
  return 0;
}
