import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { collector } from '../../../core/concurrency/collect-garbage.ts';
import type { AnswerName } from './answers.ts';
import { validateAnswer } from './validate-answer.ts';
import type { LongText, Verdict, Work } from './validation-thread.ts';

// Parses large answers in a thread with a heap of its own, so that no answer can block or crash the server's event loop.

const partChars = 48 * 1024;
const pieceChars = 256 * 1024;
const niceness = 5;
const collectFrom = 2 * 1024 * 1024; // bytes

// Without a collection the texts of several large answers wait in memory for the next one.
const collect = collector();

try {
  // On busy processors the event loop goes first. Linux gives each thread a priority of its own, and this file its name.
  setPriority(Number(basename(readlinkSync('/proc/thread-self'))), Math.min(19, getPriority() + niceness));
} catch {} // another system

parentPort?.on('message', (work: Work) => {
  const tidy = work.length < collectFrom ? () => {} : collect;
  answer(work, tidy);
  tidy();
});

function answer({ name, bytes, length }: Work, tidy: () => void): void {
  const judged = validateAnswer(name as AnswerName, Buffer.from(bytes, 0, length));
  tidy(); // the text that was parsed goes before its values are turned into text again
  if (!judged.ok) {
    parentPort?.postMessage({ said: judged, bytes } satisfies Verdict, [bytes]);
    return;
  }
  const { rest, key, items } = withoutList(judged.value);
  const parts = inParts(items);
  const texts = withoutTexts(rest);
  const said = { ok: true, rest, key, parts, texts } as const;
  const moved = texts.flatMap(({ pieces }) => pieces.map((piece) => piece.bytes));
  parentPort?.postMessage({ said, bytes } satisfies Verdict, [...parts, ...moved, bytes]);
}

/**
 * Takes the answer's one long list out, so that it travels in pieces and the event loop never parses all of it at once.
 */
function withoutList(value: unknown): { rest: object; key: string | undefined; items: readonly unknown[] } {
  if (Array.isArray(value)) return { rest: [], key: undefined, items: value };
  const whole = value as Record<string, unknown>;
  const key = Object.keys(whole).find((name) => Array.isArray(whole[name]));
  if (key === undefined) return { rest: whole, key, items: [] };
  return { rest: { ...whole, [key]: [] }, key, items: whole[key] as unknown[] };
}

/** Takes the long texts out, because a copy of such a text at once would hold the event loop for many milliseconds. */
function withoutTexts(value: object): LongText[] {
  const texts: LongText[] = [];
  const left = [value as Record<string, unknown>];
  for (let holder = left.pop(); holder; holder = left.pop()) {
    for (const [key, item] of Object.entries(holder)) {
      if (typeof item === 'object' && item !== null) left.push(item as Record<string, unknown>);
      if (typeof item !== 'string' || item.length <= pieceChars) continue;
      texts.push({ holder, key, pieces: piecesOf(item) });
      holder[key] = '';
    }
  }
  return texts;
}

function piecesOf(text: string): LongText['pieces'] {
  return Array.from({ length: Math.ceil(text.length / pieceChars) }, (_, n) => {
    const piece = text.slice(n * pieceChars, (n + 1) * pieceChars);
    const encoding = /[^\0-\xff]/.test(piece) ? 'utf16le' : 'latin1';
    const bytes = Buffer.allocUnsafeSlow(encoding === 'latin1' ? piece.length : 2 * piece.length);
    bytes.write(piece, encoding);
    return { bytes: bytes.buffer as ArrayBuffer, encoding };
  });
}

function inParts(items: readonly unknown[]): ArrayBuffer[] {
  const parts: ArrayBuffer[] = [];
  let held: string[] = [];
  let chars = 0;
  const flush = () => {
    if (held.length > 0) parts.push(new TextEncoder().encode(`[${held.join(',')}]`).buffer as ArrayBuffer);
    [held, chars] = [[], 0];
  };
  for (const item of items) {
    const text = JSON.stringify(item);
    held.push(text);
    chars += text.length;
    if (chars >= partChars) flush();
  }
  flush();
  return parts;
}
