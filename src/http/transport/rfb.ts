// An unknown message's length is unknown, so the rest of its chunk is dropped. Misread bytes grant no rights: only
// whole messages of known kinds pass.

/**
 * `share`: whether other viewers stay connected. `press`: a key or mouse button is pressed, or the pointer moves while
 * a button is down. `hands`: all other keyboard and mouse input.
 */
export type RfbMessageKind = 'setup' | 'share' | 'press' | 'hands' | 'clipboard' | 'resize';
export interface RfbMessage {
  readonly kind: RfbMessageKind;
  readonly bytes: Buffer;
}
export class RfbError extends Error {
  override readonly name = 'RfbError';
}

const maxClipboardBytes = 1024 * 1024;
const maxEncodings = 1_024;
const extendedMouseButtons = -316;
const none = 1;
const nothing = Buffer.alloc(0);

interface Shape {
  readonly kind: RfbMessageKind;
  /** Undefined if more bytes are needed to know the length. */
  readonly length: number | undefined;
  readonly isSkipped?: true;
}
const fixed = (length: number, kind: RfbMessageKind = 'setup'): Shape => ({ kind, length });
const unknown: Shape = { kind: 'setup', length: undefined };

export class PressedInputTracker {
  readonly #keys = new Map<string, Buffer>();
  #pointer: Buffer | undefined;

  note({ bytes, kind }: RfbMessage): void {
    if (kind !== 'press' && kind !== 'hands') return;
    if (bytes[0] === 5) {
      this.#pointer = kind === 'press' ? Buffer.from(bytes) : undefined;
      return;
    }
    const key = bytes.subarray(4).toString('hex');
    if (kind === 'hands') this.#keys.delete(key);
    else if (this.#keys.size < 64) this.#keys.set(key, Buffer.from(bytes));
  }

  hasModifier(): boolean {
    return [...this.#keys.values()].some((down) => isModifier(down.readUInt32BE(4)));
  }

  release(): Buffer {
    const ups = [...this.#keys.values()];
    for (const up of ups) up.fill(0, bytesOfDown(up).at, bytesOfDown(up).end);
    if (this.#pointer) ups.push(Buffer.from([5, 0, ...this.#pointer.subarray(2, 6)]));
    this.#keys.clear();
    this.#pointer = undefined;
    return Buffer.concat(ups);
  }
}
const isModifier = (keysym: number) => (keysym >= 0xffe3 && keysym <= 0xffe4) || (keysym >= 0xffe7 && keysym <= 0xffec);

export function withKeysym({ kind, bytes }: RfbMessage, keysym: number): RfbMessage {
  const changed = Buffer.from(bytes);
  changed.writeUInt32BE(keysym, 4);
  return { kind, bytes: changed };
}
/** Offsets of the down flag: one byte in the standard format, two in QEMU's. */
const bytesOfDown = (event: Buffer) => (event[0] === 4 ? { at: 1, end: 2 } : { at: 2, end: 4 });

type Phase = 'version' | 'security' | 'init' | 'messages';

export class RfbClientParser {
  #phase: Phase = 'version';
  #mayExtendPointer = false;
  /** Sized for the whole message, so bytes arriving one by one cost little. */
  #partial = Buffer.alloc(0);
  #size = 0;
  #needed = 0;
  #skipping = 0;
  #lastRequest: Buffer | undefined;

  /** Throws RfbError. */
  push(chunk: Buffer): RfbMessage[] {
    const skipped = Math.min(this.#skipping, chunk.length);
    this.#skipping -= skipped;
    let bytes = this.#gather(chunk.subarray(skipped));
    const messages: RfbMessage[] = [];
    while (bytes.length > 0) {
      const shape = this.#phase === 'messages' ? this.#shape(bytes) : this.#handshake(bytes);
      if (!shape) return this.#dropped(messages);
      const { kind, length } = shape;
      if (shape.isSkipped && length !== undefined) {
        this.#skipping = Math.max(0, length - bytes.length);
        bytes = bytes.subarray(length);
        continue;
      }
      if (length === undefined || bytes.length < length) {
        this.#keep(bytes, length ?? bytes.length + 1);
        break;
      }
      const message = { kind, bytes: bytes.subarray(0, length) };
      if (kind === 'setup' && bytes[0] === 3) this.#lastRequest = Buffer.from(message.bytes);
      messages.push(message);
      bytes = bytes.subarray(length);
    }
    return messages;
  }

  /** Resends the last framebuffer update request: if one was dropped, the viewer would otherwise wait forever. */
  #dropped(messages: RfbMessage[]): RfbMessage[] {
    if (this.#lastRequest) messages.push({ kind: 'setup', bytes: Buffer.from(this.#lastRequest).fill(1, 1, 2) });
    return messages;
  }

  #gather(chunk: Buffer): Buffer {
    if (this.#size === 0) return chunk;
    const size = this.#size + chunk.length;
    if (size > this.#partial.length) this.#partial = Buffer.concat([this.#partial.subarray(0, this.#size), chunk]);
    else chunk.copy(this.#partial, this.#size);
    this.#size = size;
    if (size < this.#needed) return nothing;
    this.#size = 0;
    return this.#partial.subarray(0, size);
  }
  #keep(bytes: Buffer, needed: number): void {
    this.#partial = Buffer.alloc(Math.max(needed, bytes.length));
    bytes.copy(this.#partial);
    this.#size = bytes.length;
    this.#needed = needed;
  }

  #handshake(bytes: Buffer): Shape {
    if (this.#phase === 'version') {
      if (!'RFB 003.'.startsWith(bytes.toString('latin1', 0, 8))) throw new RfbError('This is not RFB.');
      if (bytes.length < 12) return unknown;
      const minor = /^RFB 003\.00([378])\n$/.exec(bytes.toString('latin1', 0, 12))?.[1];
      if (!minor) throw new RfbError('Only RFB 3.3, 3.7 and 3.8 are supported.');
      this.#phase = minor === '3' ? 'init' : 'security';
      return fixed(12);
    }
    if (this.#phase === 'security') {
      if (bytes[0] !== none) throw new RfbError('Only security type 1 (None) is offered.');
      this.#phase = 'init';
      return fixed(1);
    }
    this.#phase = 'messages';
    return fixed(1, 'share'); // ClientInit
  }

  #shape(bytes: Buffer): Shape | undefined {
    switch (bytes[0]) {
      case 0: // SetPixelFormat
        return fixed(20);
      case 2:
        return this.#encodings(bytes);
      case 3: // FramebufferUpdateRequest
        return fixed(10);
      case 4: // KeyEvent
        return bytes.length < 2 ? unknown : fixed(8, bytes[1] === 0 ? 'hands' : 'press');
      case 5:
        return this.#pointer(bytes);
      case 6:
        return clipboard(bytes);
      case 150: // EnableContinuousUpdates
        return fixed(10);
      case 248:
        return fence(bytes);
      case 250: // xvp: shut down, reboot, reset
        return fixed(4, 'resize');
      case 251: // SetDesktopSize
        return bytes.length < 8 ? unknown : fixed(8 + 16 * (bytes[6] as number), 'resize');
      case 255:
        return qemu(bytes);
      default:
        return undefined;
    }
  }

  #encodings(bytes: Buffer): Shape | undefined {
    if (bytes.length < 4) return unknown;
    const count = bytes.readUInt16BE(2);
    if (count > maxEncodings) return undefined;
    const length = 4 + 4 * count;
    if (bytes.length < length) return { kind: 'setup', length };
    for (let at = 4; at < length; at += 4) {
      if (bytes.readInt32BE(at) === extendedMouseButtons) this.#mayExtendPointer = true;
    }
    return fixed(length);
  }

  /** With extended mouse buttons, the button mask's highest bit means that another byte follows. */
  #pointer(bytes: Buffer): Shape {
    if (bytes.length < 2) return unknown;
    const mask = bytes[1] as number;
    if (!this.#mayExtendPointer || mask < 128) return fixed(6, mask === 0 ? 'hands' : 'press');
    if (bytes.length < 7) return unknown;
    return fixed(7, mask === 128 && bytes[6] === 0 ? 'hands' : 'press');
  }
}

function clipboard(bytes: Buffer): Shape {
  if (bytes.length < 8) return unknown;
  const size = Math.abs(bytes.readInt32BE(4)); // a negative size marks the extended clipboard
  if (size > maxClipboardBytes) return { kind: 'clipboard', length: 8 + size, isSkipped: true };
  return fixed(8 + size, 'clipboard');
}
function fence(bytes: Buffer): Shape | undefined {
  if (bytes.length < 9) return unknown;
  const size = bytes[8] as number;
  if (size > 64) return undefined;
  return fixed(9 + size);
}
function qemu(bytes: Buffer): Shape | undefined {
  if (bytes.length < 4) return unknown;
  if (bytes[1] === 0) return fixed(12, bytes.readUInt16BE(2) === 0 ? 'hands' : 'press');
  if (bytes[1] !== 1) return undefined;
  return fixed(bytes.readUInt16BE(2) === 2 ? 10 : 4); // enable, disable, format
}
