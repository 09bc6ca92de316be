import { PressedInputTracker, type RfbMessage, withKeysym } from './rfb.ts';

// A display maps a character that its keyboard lacks to a new key, and presses it before programs know the mapping, so the first
// press is lost. It also runs out of keys. The sandbox's daemon therefore types such characters, and waits for the program.

interface Outlet {
  write(bytes: Buffer): void;
  type(keysyms: readonly number[]): Promise<void>;
  /** Called when too much input is queued, and again when the queue is empty. */
  onFull(isFull: boolean): void;
}
const maxTyped = 500; // characters in one call
const maxWaiting = 2_000; // messages

/** Sends a viewer's input to the display and to the daemon, in order of arrival. */
export class DisplayInputQueue {
  readonly #outlet: Outlet;
  readonly #held = new PressedInputTracker();
  #waiting: (Buffer | number)[] = [];
  #isSending = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Accepts messages whose permission was already checked. */
  take(message: RfbMessage): void {
    const keysym = readKeysym(message);
    const latin = this.#held.hasModifier() ? toLatinKeysym(message.bytes) : undefined;
    if (keysym === undefined || !isTyped(keysym)) this.#pass(message);
    else if (latin !== undefined) this.#pass(withKeysym(message, latin));
    else if (message.kind === 'press') this.#wait(keysym);
  }

  release(): void {
    this.#waiting = [];
    this.#outlet.write(this.#held.release());
  }

  #pass(message: RfbMessage): void {
    this.#held.note(message);
    if (this.#isSending) this.#wait(message.bytes);
    else this.#outlet.write(message.bytes);
  }

  #wait(item: Buffer | number): void {
    if (this.#waiting.push(item) === maxWaiting) this.#outlet.onFull(true);
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      const end = this.#waiting.findIndex((item, at) => typeof item !== typeof first || at === maxTyped);
      const batch = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
      if (typeof first === 'number') await this.#outlet.type(batch as number[]);
      else this.#outlet.write(Buffer.concat(batch as Buffer[]));
    }
    this.#isSending = false;
    this.#outlet.onFull(false);
  }
}

export const encodeKeyEvents = (keysyms: readonly number[]): Buffer =>
  Buffer.concat(
    keysyms.flatMap((keysym) =>
      [1, 0].map(
        (down) => withKeysym({ kind: 'press', bytes: Buffer.from([4, down, 0, 0, 0, 0, 0, 0]) }, keysym).bytes,
      ),
    ),
  );

function readKeysym({ kind, bytes }: RfbMessage): number | undefined {
  const isKey = (kind === 'press' || kind === 'hands') && (bytes[0] === 4 || bytes[0] === 255);
  return isKey ? bytes.readUInt32BE(4) : undefined;
}
/** Whether the keysym is a character beyond ASCII. */
const isTyped = (keysym: number) =>
  (keysym >= 0xa0 && keysym <= 0x20ff) || (keysym >= 0x01000000 && keysym <= 0x0110ffff);

/** Rows of a US keyboard, each from its first scancode. */
const rows: readonly (readonly [number, string])[] = [
  [0x02, '1234567890-='],
  [0x10, 'qwertyuiop[]'],
  [0x1e, "asdfghjkl;'`"],
  [0x2b, '\\zxcvbnm,./'],
];
/** Maps a shortcut to the Latin letter of its physical key: Ctrl+C on a Russian keyboard means the C key. */
function toLatinKeysym(bytes: Buffer): number | undefined {
  if (bytes[0] !== 255) return undefined;
  const scancode = bytes.readUInt32BE(8);
  return rows.map(([from, row]) => row.charCodeAt(scancode - from)).find((code) => code >= 0);
}
