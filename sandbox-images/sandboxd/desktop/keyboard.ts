import { waitUntilInputHandled } from './wait-for-program.ts';
import { encodeUint32, encodeX11Request, type X11Connection } from './x11.ts';

export interface KeyboardKey {
  readonly keycode: number;
  readonly shift: boolean;
}
export interface Keyboard {
  /** Yields batches of keys that fit on the keyboard together. */
  keysFor(keysyms: readonly number[]): AsyncIterable<readonly KeyboardKey[]>;
  readonly shiftKeycode: number;
}

const maxSpareKeys = 96;
/** Delay for programs that do not answer pings. */
const settleMs = 150;
const slowMs = 3_000;

/** Spare keycodes and their assigned keysyms, least recently used first. 0: none yet. */
const lent = new WeakMap<X11Connection, Map<number, number>>();

/** A keysym without a key, such as é, gets the least recently used spare key. */
export async function openKeyboard(display: X11Connection, sleep: (ms: number) => Promise<void>): Promise<Keyboard> {
  const { minKeycode, maxKeycode } = display.screen;
  const count = maxKeycode - minKeycode + 1;
  const answer = await display.ask(encodeX11Request(101, 0, Buffer.from([minKeycode, count, 0, 0])));
  const columns = answer.readUInt8(1);
  const at = (row: number, column: number) => answer.readUInt32LE(32 + 4 * (row * columns + column));

  const known = new Map<number, KeyboardKey>();
  const ours = lent.get(display) ?? new Map<number, number>();
  lent.set(display, ours);
  for (let row = 0; row < count; row++) {
    const keycode = minKeycode + row;
    const [plain, shifted] = [at(row, 0), columns > 1 ? at(row, 1) : 0];
    const isSpare = Array.from({ length: columns }, (_, column) => at(row, column)).every(isSparable);
    if (plain !== ours.get(keycode)) ours.delete(keycode);
    if (isSpare && !ours.has(keycode) && ours.size < maxSpareKeys) ours.set(keycode, 0);
    if (shifted !== 0 && !known.has(shifted)) known.set(shifted, { keycode, shift: true });
    if (plain !== 0 && known.get(plain)?.shift !== false) known.set(plain, { keycode, shift: false });
  }
  if (ours.size === 0) ours.set(maxKeycode, 0);
  const use = (keycode: number, keysym: number) => {
    ours.delete(keycode);
    ours.set(keycode, keysym);
  };

  /** Programs look up a key's mapping only when they handle the press. */
  async function settled(): Promise<boolean> {
    const answers = await waitUntilInputHandled(display, slowMs);
    if (!answers) await sleep(settleMs);
    return answers;
  }
  /** GTK receives mappings and pings over different connections, so one answer is not enough. */
  async function learned(): Promise<void> {
    if (await settled()) await settled();
  }

  async function* keysFor(keysyms: readonly number[]): AsyncGenerator<readonly KeyboardKey[]> {
    let portion: KeyboardKey[] = [];
    let [isNew, isSettled] = [false, false];
    for (const keysym of keysyms) {
      let key = known.get(keysym);
      if (!key) {
        const isFree = (keycode: number) => !portion.some((used) => used.keycode === keycode);
        let [keycode, before] = [...ours].find(([candidate]) => isFree(candidate)) ?? [];
        if (keycode === undefined) {
          await learned();
          yield portion;
          portion = [];
          isSettled = false;
          [keycode, before] = [...ours][0] as [number, number];
        }
        if (before && !isSettled) {
          await settled();
          isSettled = true;
        }
        if (before) known.delete(before);
        display.send(
          encodeX11Request(100, 1, Buffer.concat([Buffer.from([keycode, 2, 0, 0]), encodeUint32(keysym, keysym)])),
        );
        key = { keycode, shift: false };
        known.set(keysym, key);
        isNew = true;
      }
      if (ours.has(key.keycode)) use(key.keycode, keysym);
      portion.push(key);
    }
    if (isNew) await learned();
    yield portion;
  }
  return { keysFor, shiftKeycode: known.get(0xffe1)?.keycode ?? 50 };
}

/** XF86 keysyms, minus 0x1008ff00, of keys that browsers handle by keycode even if remapped. */
const obeyed = new Set([
  ...[0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1b, 0x26, 0x27, 0x28, 0x29, 0x2e, 0x30, 0x31, 0x56, 0x57, 0x58, 0x68],
  ...[0x6b, 0x6d, 0x72, 0x73, 0x77, 0x7b, 0x90, 0x97],
]);
/** Unmapped keys, and media keys that no sandbox uses. */
const isSparable = (keysym: number) =>
  keysym === 0 || (keysym >= 0x1008fe00 && keysym <= 0x1008ffff && !obeyed.has(keysym - 0x1008ff00));
