import type { InkKey } from './editor.ts';

/** A key as the screen handles it. */
export type PressedKey = readonly [input: string, key: InkKey];

/** Collects what is typed until the screen can read it. The returned function stops, and returns the keys. */
export function collectEarlyInput(stdin: NodeJS.ReadStream): () => readonly PressedKey[] {
  const chunks: string[] = [];
  const add = (chunk: string) => {
    chunks.push(chunk);
    if (chunk.includes('\u0003')) process.kill(process.pid, 'SIGINT'); // raw mode sends no signal for Ctrl+C
  };
  stdin.setEncoding('utf8').on('data', add);
  return () => {
    stdin.off('data', add);
    return toPressedKeys(chunks.splice(0).join(''));
  };
}

const controlKeys: Readonly<Record<string, PressedKey>> = {
  '\r': ['', { return: true }],
  '\n': ['', { return: true }], // as a terminal sends Enter before raw mode is set
  '\u007f': ['', { backspace: true }],
  '\b': ['', { backspace: true }],
  '\u0004': ['d', { ctrl: true }],
};

/** Every line break is Enter: the keys of a slow start arrive in one read, as a paste does. */
export function toPressedKeys(text: string): readonly PressedKey[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
  const pieces = text.replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|O?.)|\u0003/g, '').split(/([\r\n\u007f\b\u0004])/);
  return pieces.filter((piece) => piece !== '').map((piece) => controlKeys[piece] ?? [piece, {}]);
}
