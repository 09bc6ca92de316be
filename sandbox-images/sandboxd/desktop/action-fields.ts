import type { ScreenAction } from '../../../src/sandboxes/client/client.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { parseKeysyms } from './keysyms.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}
type Check = (value: unknown, size: Size) => boolean;

const limits = { text: 10_000, notches: 100, keysyms: 1_000, points: 200, holdMs: 30_000 } as const;
const whole = (value: unknown, from: number, to: number) =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to;
const x: Check = (value, { width }) => whole(value, 0, width - 1);
const y: Check = (value, { height }) => whole(value, 0, height - 1);
const optional =
  (check: Check): Check =>
  (value, size) =>
    value === undefined || check(value, size);
const button: Check = (value) => value === 'left' || value === 'middle' || value === 'right';
const notches: Check = (value) => whole(value, -limits.notches, limits.notches);
const isPoint: Check = (value, size) =>
  typeof value === 'object' && value !== null && 'x' in value && 'y' in value && x(value.x, size) && y(value.y, size);

const kinds: { readonly [Kind in ScreenAction['kind']]: Readonly<Record<string, Check>> } = {
  move: { x, y },
  click: { x: optional(x), y: optional(y), button, count: (value) => whole(value, 1, 3) },
  press: { button },
  release: { button },
  drag: {
    path: (value, size) =>
      Array.isArray(value) &&
      value.length >= 2 &&
      value.length <= limits.points &&
      value.every((it) => isPoint(it, size)),
  },
  scroll: { x, y, dx: notches, dy: notches },
  type: { text: (value) => typeof value === 'string' && value.length <= limits.text },
  keysyms: {
    keysyms: (value) =>
      Array.isArray(value) && value.length <= limits.keysyms && value.every((it) => whole(it, 1, 0x0110ffff)),
  },
  key: {
    keys: (value) => typeof value === 'string' && value.length <= 100 && parseKeysyms(value) !== undefined,
    holdMs: optional((value) => whole(value, 0, limits.holdMs)),
  },
};
const wants: Readonly<Record<string, string>> = {
  x: 'must be a whole number of pixels on the screen',
  y: 'must be a whole number of pixels on the screen',
  button: 'must be left, middle or right',
  count: 'must be 1, 2 or 3',
  path: `must be 2 to ${limits.points} points on the screen`,
  dx: `must be a whole number from -${limits.notches} to ${limits.notches}`,
  dy: `must be a whole number from -${limits.notches} to ${limits.notches}`,
  text: `must be text of at most ${limits.text} characters`,
  keysyms: `must be at most ${limits.keysyms} numbers of X keysyms`,
  keys: 'must be names of keys joined by +, such as ctrl+l or Return',
  holdMs: `must be a whole number from 0 to ${limits.holdMs}`,
};

export function parseScreenAction(input: unknown, size: Size): ScreenAction {
  if (typeof input !== 'object' || input === null || !('kind' in input))
    throw createBadRequestError('An action needs a kind.');
  const { kind, ...rest } = input as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind))
    throw createBadRequestError(`kind must be one of ${Object.keys(kinds).join(', ')}.`);
  const checks = kinds[kind as ScreenAction['kind']];
  for (const name of Object.keys(rest))
    if (!Object.hasOwn(checks, name)) throw createBadRequestError(`${kind} has no field ${name}.`);
  for (const [name, check] of Object.entries(checks)) {
    if (!check(rest[name], size))
      throw createBadRequestError(`${name} of ${kind} ${wants[name]} (${size.width} by ${size.height}).`);
  }
  if (kind === 'click' && (rest.x === undefined) !== (rest.y === undefined))
    throw createBadRequestError('A click needs x and y, or neither.');
  return input as ScreenAction;
}
