import type { ScreenAction } from '../../../src/sandboxes/client/client.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { type KeyboardKey, openKeyboard } from './keyboard.ts';
import { findKeysym, parseKeysyms } from './keysyms.ts';
import { type PointerState, readPointer } from './screen.ts';
import { waitUntilInputHandled } from './wait-for-program.ts';
import { encodeUint16, encodeUint32, encodeX11Request, type X11Connection } from './x11.ts';

type ActionOf<Kind extends ScreenAction['kind']> = Extract<ScreenAction, { kind: Kind }>;
const buttons = { left: 1, middle: 2, right: 3 } as const;
const wheel = { up: 4, down: 5, left: 6, right: 7 } as const;
const [keyPress, keyRelease, buttonPress, buttonRelease, motion] = [2, 3, 4, 5, 6] as const;
/** Programs recognize a drag only if the pointer moves in several steps. */
const dragStepMs = 8;
/** Time for the drop target to accept the drag. */
const dropMs = 50;
/** Keeps two clicks distinct. Timed by the display, because the daemon may be busy. */
const clickMs = 20;
const busyMs = 100;
const dragSteps = 10;
/** Maximum wait for a window manager that delays a click. */
const heldMs = 3_000;
const heldEveryMs = 10;

/** Resolves once the display has processed the whole action. */
export async function performScreenAction(display: X11Connection, action: ScreenAction): Promise<void> {
  const xtest = await display.extension('XTEST');
  if (xtest === undefined) throw createBadRequestError('This display accepts no input.');
  const fake: InputDevice['fake'] = (type, detail, { x, y, afterMs } = { x: 0, y: 0 }) => {
    const body = Buffer.concat([
      Buffer.from([type, detail, 0, 0]),
      encodeUint32(afterMs ?? 0, display.screen.root, 0, 0),
      encodeUint16(x, y),
      encodeUint32(0, 0),
    ]);
    display.send(encodeX11Request(xtest, 2, body));
  };
  await acts[action.kind]({ display, fake }, action as never);
  // The program must finish this action before the next action or screenshot.
  await waitUntilInputHandled(display, busyMs);
}

interface FakeInput {
  readonly x: number;
  readonly y: number;
  readonly afterMs?: number;
}
interface InputDevice {
  readonly display: X11Connection;
  fake(type: number, detail: number, how?: FakeInput): void;
}

const acts: { [Kind in ScreenAction['kind']]: (hand: InputDevice, action: ActionOf<Kind>) => Promise<void> | void } = {
  move: (hand, { x, y }) => move(hand, { x, y }),
  async click(hand, { x, y, button, count }) {
    if (x !== undefined && y !== undefined) move(hand, { x, y });
    for (let done = 0; done < count; done++) press(hand, buttons[button], done > 0 ? clickMs : 0);
    await taken(hand, ({ isDown }) => !isDown);
  },
  press: ({ fake }, { button }) => fake(buttonPress, buttons[button]),
  async release(hand, { button }) {
    hand.fake(buttonRelease, buttons[button]);
    await taken(hand, ({ isDown }) => !isDown);
  },
  async drag(hand, { path }) {
    const [start, ...rest] = path;
    if (!start) return;
    move(hand, start);
    hand.fake(buttonPress, buttons.left);
    let from = start;
    for (const to of rest) {
      for (let step = 1; step <= dragSteps; step++) {
        await sleep(dragStepMs);
        const part = (a: number, b: number) => Math.round(a + ((b - a) * step) / dragSteps);
        const next = { x: part(from.x, to.x), y: part(from.y, to.y) };
        move(hand, next);
        if (from === start && step === 1) await taken(hand, ({ x, y }) => x === next.x && y === next.y);
      }
      from = to;
    }
    await sleep(dropMs);
    hand.fake(buttonRelease, buttons.left);
    await taken(hand, ({ isDown }) => !isDown);
  },
  scroll(hand, { x, y, dx, dy }) {
    move(hand, { x, y });
    for (let left = Math.abs(dy); left > 0; left--) press(hand, dy < 0 ? wheel.up : wheel.down);
    for (let left = Math.abs(dx); left > 0; left--) press(hand, dx < 0 ? wheel.left : wheel.right);
  },
  type: (hand, { text }) =>
    typeKeysyms(
      hand,
      [...text.replaceAll('\r\n', '\n')].map(findKeysym).filter((it) => it !== undefined),
    ),
  keysyms: (hand, { keysyms }) => typeKeysyms(hand, keysyms),
  async key({ display, fake }, { keys, holdMs }) {
    const { keysFor, shiftKeycode } = await openKeyboard(display, sleep);
    for await (const found of keysFor(parseKeysyms(keys) ?? [])) {
      const down = withShift(found, shiftKeycode);
      for (const keycode of down) fake(keyPress, keycode);
      await sleep(holdMs ?? 0);
      for (const keycode of down.reverse()) fake(keyRelease, keycode);
    }
  },
};

async function typeKeysyms({ display, fake }: InputDevice, keysyms: readonly number[]): Promise<void> {
  const { keysFor, shiftKeycode } = await openKeyboard(display, sleep);
  for await (const keys of keysFor(keysyms)) {
    for (const { keycode, shift } of keys) {
      if (shift) fake(keyPress, shiftKeycode);
      fake(keyPress, keycode);
      fake(keyRelease, keycode);
      if (shift) fake(keyRelease, shiftKeycode);
    }
    await display.ask(encodeX11Request(43, 0));
  }
}

function withShift(keys: readonly KeyboardKey[], shiftKeycode: number): number[] {
  const keycodes = keys.map(({ keycode }) => keycode);
  const needs = keys.findIndex(({ shift }) => shift);
  if (needs >= 0 && !keycodes.includes(shiftKeycode)) keycodes.splice(needs, 0, shiftKeycode);
  return keycodes;
}

const move = ({ fake }: InputDevice, { x, y }: { x: number; y: number }) => fake(motion, 0, { x, y });
function press({ fake }: InputDevice, button: number, afterMs = 0): void {
  fake(buttonPress, button, { x: 0, y: 0, afterMs });
  fake(buttonRelease, button);
}
/** Waits up to `heldMs`, because a window manager can delay a press. */
async function taken({ display }: InputDevice, isTaken: (pointer: PointerState) => boolean): Promise<void> {
  for (let waited = 0; waited < heldMs && !isTaken(await readPointer(display)); waited += heldEveryMs) {
    await sleep(heldEveryMs);
  }
}
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
