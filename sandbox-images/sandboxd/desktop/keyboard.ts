import { waitForProgram } from './wait-for-program.ts';
import { request, u32, type XConnection } from './x11.ts';

/** A key of the display's keyboard, and whether the wanted character needs Shift. */
export interface Key {
  readonly keycode: number;
  readonly shift: boolean;
}
export interface Keyboard {
  /** The keys for these keysyms. Missing ones are put on the keyboard, in portions that fit at once. */
  keysFor(keysyms: readonly number[]): AsyncIterable<readonly Key[]>;
  readonly shiftKeycode: number;
}

const spareKeys = 24;
const placeholder = 0x0100e000; // from Unicode's private use area, which no one types
/** The wait for a program that does not answer pings. */
const settleMs = 150;
const slowMs = 3_000;

/**
 * The current keyboard. A keysym without a key (CJK, emoji) gets one of a few spare keycodes, in turn. They stay ours as
 * long as the display lives. Changing the same keycode each time would make a slow program read the wrong character.
 */
export async function keyboard(display: XConnection, sleep: (ms: number) => Promise<void>): Promise<Keyboard> {
  const { minKeycode, maxKeycode } = display.screen;
  const count = maxKeycode - minKeycode + 1;
  const answer = await display.ask(request(101, 0, Buffer.from([minKeycode, count, 0, 0])));
  const columns = answer.readUInt8(1);
  const at = (row: number, column: number) => answer.readUInt32LE(32 + 4 * (row * columns + column));

  const known = new Map<number, Key>();
  const spare: number[] = [];
  const free: number[] = [];
  for (let row = 0; row < count; row++) {
    const keycode = minKeycode + row;
    const [plain, shifted] = [at(row, 0), columns > 1 ? at(row, 1) : 0];
    if (plain >= placeholder && plain < placeholder + spareKeys) spare.push(keycode);
    else if (Array.from({ length: columns }, (_, column) => at(row, column)).every((it) => it === 0))
      free.push(keycode);
    if (shifted !== 0 && !known.has(shifted)) known.set(shifted, { keycode, shift: true });
    if (plain !== 0 && known.get(plain)?.shift !== false) known.set(plain, { keycode, shift: false });
  }
  const put = (keycode: number, keysym: number) =>
    display.send(request(100, 1, Buffer.concat([Buffer.from([keycode, 2, 0, 0]), u32(keysym, keysym)])));
  while (spare.length < spareKeys && free.length > 0) spare.push(free.pop() as number);
  if (spare.length === 0) spare.push(maxKeycode);

  /** A program looks a key's meaning up only when it handles the key, so the meaning must not change before that. */
  async function settled(): Promise<boolean> {
    const answers = await waitForProgram(display, slowMs);
    if (!answers) await sleep(settleMs);
    return answers;
  }
  /**
   * Programs of GTK hear of new meanings over another connection than of presses and pings. The display has written to both
   * before the first answer comes, so the program has read both before the second.
   */
  async function learned(): Promise<void> {
    if (await settled()) await settled();
  }

  async function* keysFor(keysyms: readonly number[]): AsyncGenerator<readonly Key[]> {
    const borrowed = new Map<number, Key>();
    let portion: Key[] = [];
    for (const keysym of keysyms) {
      let key = known.get(keysym) ?? borrowed.get(keysym);
      if (!key) {
        if (borrowed.size === spare.length) {
          await learned();
          yield portion;
          portion = [];
          await settled();
          borrowed.clear();
        }
        key = { keycode: spare[borrowed.size] as number, shift: false };
        put(key.keycode, keysym);
        borrowed.set(keysym, key);
      }
      portion.push(key);
    }
    if (borrowed.size > 0) await learned();
    yield portion;
    if (borrowed.size === 0) return;
    await settled();
    for (const [index, keycode] of spare.entries()) put(keycode, placeholder + index);
  }
  return { keysFor, shiftKeycode: known.get(0xffe1)?.keycode ?? 50 };
}
