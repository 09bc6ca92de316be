import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import type { AnswerName } from './answers.ts';
import { judge } from './validate-answer.ts';
import type { Verdict, Work } from './validation-thread.ts';

// Parses large answers in a thread with a heap of its own, so that no answer can block or crash the server's event loop.

const partChars = 48 * 1024;
const niceness = 5;
const collectFrom = 2 * 1024 * 1024; // bytes

// Without a collection the texts of several large answers wait in memory for the next one. Threads take no V8 options.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

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
  const judged = judge(name as AnswerName, Buffer.from(bytes, 0, length));
  tidy(); // the text that was parsed goes before its values are turned into text again
  if (!judged.ok) {
    parentPort?.postMessage({ said: judged, bytes } satisfies Verdict, [bytes]);
    return;
  }
  const { rest, key, items } = withoutList(judged.value);
  const parts = inParts(items);
  const said = { ok: true, rest, key, parts } as const;
  parentPort?.postMessage({ said, bytes } satisfies Verdict, [...parts, bytes]);
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
