/** X's names for keys without a character, and common aliases. */
const named: Readonly<Record<string, number>> = {
  backspace: 0xff08,
  tab: 0xff09,
  linefeed: 0xff0a,
  clear: 0xff0b,
  return: 0xff0d,
  enter: 0xff0d,
  pause: 0xff13,
  scroll_lock: 0xff14,
  sys_req: 0xff15,
  escape: 0xff1b,
  esc: 0xff1b,
  home: 0xff50,
  left: 0xff51,
  arrowleft: 0xff51,
  up: 0xff52,
  arrowup: 0xff52,
  right: 0xff53,
  arrowright: 0xff53,
  down: 0xff54,
  arrowdown: 0xff54,
  prior: 0xff55,
  page_up: 0xff55,
  pageup: 0xff55,
  next: 0xff56,
  page_down: 0xff56,
  pagedown: 0xff56,
  end: 0xff57,
  begin: 0xff58,
  select: 0xff60,
  print: 0xff61,
  execute: 0xff62,
  insert: 0xff63,
  undo: 0xff65,
  redo: 0xff66,
  menu: 0xff67,
  find: 0xff68,
  cancel: 0xff69,
  help: 0xff6a,
  break: 0xff6b,
  num_lock: 0xff7f,
  kp_enter: 0xff8d,
  kp_multiply: 0xffaa,
  kp_add: 0xffab,
  kp_subtract: 0xffad,
  kp_decimal: 0xffae,
  kp_divide: 0xffaf,
  shift: 0xffe1,
  shift_l: 0xffe1,
  shift_r: 0xffe2,
  ctrl: 0xffe3,
  control: 0xffe3,
  control_l: 0xffe3,
  control_r: 0xffe4,
  caps_lock: 0xffe5,
  meta: 0xffe7,
  meta_l: 0xffe7,
  meta_r: 0xffe8,
  alt: 0xffe9,
  option: 0xffe9,
  alt_l: 0xffe9,
  alt_r: 0xffea,
  super: 0xffeb,
  super_l: 0xffeb,
  super_r: 0xffec,
  cmd: 0xffeb,
  win: 0xffeb,
  windows: 0xffeb,
  delete: 0xffff,
  del: 0xffff,
};
const characters: Readonly<Record<string, string>> = {
  space: ' ',
  exclam: '!',
  quotedbl: '"',
  numbersign: '#',
  dollar: '$',
  percent: '%',
  ampersand: '&',
  apostrophe: "'",
  parenleft: '(',
  parenright: ')',
  asterisk: '*',
  plus: '+',
  comma: ',',
  minus: '-',
  period: '.',
  slash: '/',
  colon: ':',
  semicolon: ';',
  less: '<',
  equal: '=',
  greater: '>',
  question: '?',
  at: '@',
  bracketleft: '[',
  backslash: '\\',
  bracketright: ']',
  asciicircum: '^',
  underscore: '_',
  grave: '`',
  braceleft: '{',
  bar: '|',
  braceright: '}',
  asciitilde: '~',
};
const controls: Readonly<Record<string, number>> = { '\n': 0xff0d, '\r': 0xff0d, '\t': 0xff09, '\b': 0xff08 };

export function findKeysym(character: string): number | undefined {
  const known = controls[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000)) return undefined;
  return code <= 0xff ? code : 0x01000000 | code;
}

/** Parses names such as `Return`, `ctrl+l` or `ctrl++`. Undefined if a name is unknown. */
export function parseKeysyms(keys: string): number[] | undefined {
  const names = keys.endsWith('++') ? [...keys.slice(0, -2).split('+'), '+'] : keys === '+' ? ['+'] : keys.split('+');
  const found = names.map((name) => keysymOfName(name.trim()));
  return found.every((keysym) => keysym !== undefined) ? found : undefined;
}

function keysymOfName(name: string): number | undefined {
  if ([...name].length === 1) return findKeysym(name);
  const lower = name.toLowerCase();
  const functionKey = /^f([1-9]|[12]\d|3[0-5])$/.exec(lower)?.[1];
  if (functionKey) return 0xffbd + Number(functionKey);
  const digit = /^kp_(\d)$/.exec(lower)?.[1];
  if (digit) return 0xffb0 + Number(digit);
  const unicode = /^u([0-9a-f]{4,6})$/.exec(lower)?.[1];
  if (unicode && Number.parseInt(unicode, 16) <= 0x10ffff)
    return findKeysym(String.fromCodePoint(Number.parseInt(unicode, 16)));
  if (Object.hasOwn(named, lower)) return named[lower];
  return Object.hasOwn(characters, lower) ? findKeysym(characters[lower] as string) : undefined;
}
