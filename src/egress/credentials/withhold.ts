import { Transform } from 'node:stream';

/**
 * Passes bytes on until one of the texts appears; then it calls `found` once with its index and passes nothing more. No byte of the text
 * is passed on, also where it spans chunks.
 */
export function withhold(texts: readonly Buffer[], found: (which: number) => void): Transform {
  let held = Buffer.alloc(0);
  let isOver = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isOver) return done();
      const seen = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const which = texts.findIndex((text) => seen.includes(text));
      if (which >= 0) {
        isOver = true;
        held = Buffer.alloc(0);
        found(which);
        return done();
      }
      const keep = Math.max(0, ...texts.map((text) => beginningOf(text, seen)));
      held = Buffer.from(seen.subarray(seen.length - keep));
      done(null, seen.subarray(0, seen.length - keep));
    },
    flush(done) {
      done(null, isOver ? undefined : held);
    },
  });
}

/** How many of the last bytes could be the beginning of the text. */
function beginningOf(text: Buffer, seen: Buffer): number {
  const [first] = text;
  if (first === undefined) return 0;
  let at = seen.indexOf(first, Math.max(0, seen.length - text.length + 1));
  while (at >= 0) {
    if (seen.compare(text, 0, seen.length - at, at) === 0) return seen.length - at;
    at = seen.indexOf(first, at + 1);
  }
  return 0;
}
