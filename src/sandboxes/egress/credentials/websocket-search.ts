import type { StreamFilter } from '../pipe-filtered.ts';
import { countBytesToHold } from './withhold.ts';

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly headBytes: number;
  readonly payloadBytes: number;
}
interface Piece {
  readonly bytes: Buffer;
  readonly isText: boolean;
}

const maxControlBytes = 125;
const none = Buffer.alloc(0);

/** Relays frames until one is unsearchable or one of `texts` appears, even across frames. Then calls `found` once. */
export function createFrameSearchFilter(
  texts: readonly Buffer[],
  found: (why: 'repeats' | 'unsearchable') => void,
): StreamFilter {
  let unread: Buffer = none;
  let held: Piece[] = [];
  let current: Frame | undefined;
  let left = 0;
  let isOver = false;

  const end = (why: 'repeats' | 'unsearchable') => {
    isOver = true;
    held = [];
    found(why);
  };
  const takeBytes = (bytes: number) => {
    const taken = unread.subarray(0, bytes);
    unread = unread.subarray(bytes);
    return taken;
  };
  function release(keep: number): Buffer[] {
    const released: Buffer[] = [];
    let free = held.reduce((sum, { bytes, isText }) => sum + (isText ? bytes.length : 0), 0) - keep;
    for (let piece = held.shift(); piece; piece = held.shift()) {
      const { bytes, isText } = piece;
      if (!isText || bytes.length <= free) released.push(bytes);
      else {
        if (free > 0) released.push(bytes.subarray(0, free));
        held.unshift({ bytes: Buffer.from(bytes.subarray(free)), isText });
        break;
      }
      if (isText) free -= bytes.length;
    }
    return released;
  }
  function step(): Buffer[] | undefined {
    if (!current) {
      const frame = parseFrame(unread);
      if (frame === 'more') return undefined;
      if (frame === 'unsearchable') return void end('unsearchable');
      if (frame.opcode >= 8) {
        if (unread.length < frame.headBytes + frame.payloadBytes) return undefined;
        const control = takeBytes(frame.headBytes + frame.payloadBytes);
        if (texts.some((text) => control.includes(text))) return void end('repeats');
        if (held.length === 0) return [control];
        held.push({ bytes: Buffer.from(control), isText: false });
        return [];
      }
      held.push({ bytes: Buffer.from(takeBytes(frame.headBytes)), isText: false });
      current = frame;
      left = frame.payloadBytes;
    }
    const payload = takeBytes(Math.min(left, unread.length));
    left -= payload.length;
    held.push({ bytes: payload, isText: true });
    const seen = textOf(held);
    if (texts.some((text) => seen.includes(text))) return void end('repeats');
    const isMessageOver = left === 0 && current.isLast;
    if (left === 0) current = undefined;
    return release(isMessageOver ? 0 : countBytesToHold(texts, seen));
  }

  return {
    pass(chunk) {
      if (isOver) return none;
      unread = unread.length > 0 ? Buffer.concat([unread, chunk]) : chunk;
      const passed: Buffer[] = [];
      while (!isOver && (unread.length > 0 || (current && left === 0))) {
        const more = step();
        if (!more) break;
        passed.push(...more);
      }
      if (unread.length > 0) unread = Buffer.from(unread);
      return isOver ? none : Buffer.concat(passed);
    },
    rest: () => (isOver ? none : Buffer.concat([...release(0), unread])),
  };
}

const textOf = (pieces: readonly Piece[]) =>
  Buffer.concat(pieces.filter(({ isText }) => isText).map(({ bytes }) => bytes));

/** RFC 6455, 5.2. */
function parseFrame(bytes: Buffer): Frame | 'more' | 'unsearchable' {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return 'more';
  const opcode = first & 0x0f;
  const isLast = (first & 0x80) !== 0;
  const short = second & 0x7f;
  const isReserved = (first & 0x70) !== 0 || (opcode > 2 && opcode < 8) || opcode > 10;
  const isMasked = (second & 0x80) !== 0;
  if (isReserved || isMasked || (opcode >= 8 && (!isLast || short > maxControlBytes))) return 'unsearchable';
  const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < headBytes) return 'more';
  const payloadBytes = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return { opcode, isLast, headBytes, payloadBytes };
}
