import { useEffect, useRef, useState } from 'preact/hooks';
import type { MarkdownTree } from '../parsing/markdown.ts';
import { parse } from '../parsing/parse.ts';

const maxKept = 400;
const maxKeptText = 2_000; // characters; a conversation of kept trees is drawn in few frames
const pauseMs = 40;

/** The worker's result for the newest texts; undefined: it could not read the text. */
const kept = new Map<string, MarkdownTree | undefined>();

function keep(text: string, tree: MarkdownTree | undefined): void {
  if (text.length > maxKeptText && tree !== undefined) return;
  kept.delete(text);
  kept.set(text, tree);
  const [oldest] = kept.keys();
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
}

interface ParsedText {
  readonly text: string;
  readonly tree: MarkdownTree | undefined;
}

/**
 * The tree of the text when the worker has it, until then 'unread'; undefined when the worker could not read it. While a text
 * grows, this is the tree of its beginning: the worker reads it again as often as it keeps up with.
 */
export function useMarkdownTree(text: string): MarkdownTree | 'unread' | undefined {
  const [parsed, setParsed] = useState<ParsedText | undefined>(() =>
    kept.has(text) ? { text, tree: kept.get(text) } : undefined,
  );
  const wanted = useRef(text);
  const isBusy = useRef(false);
  const ended = useRef(new AbortController());
  useEffect(() => {
    wanted.current = text;
    if (!isBusy.current && parsed?.text !== text) void follow();
  }, [text]);
  useEffect(() => () => ended.current.abort(), []);
  const follow = async () => {
    isBusy.current = true;
    const { signal } = ended.current;
    for (let read: string | undefined; read !== wanted.current && !signal.aborted; ) {
      read = wanted.current;
      const began = performance.now();
      const tree = kept.has(read) ? kept.get(read) : await parse('markdown', { text: read }, signal);
      if (signal.aborted) return;
      const tookMs = performance.now() - began;
      if (read === wanted.current) keep(read, tree);
      setParsed({ text: read, tree });
      if (read !== wanted.current) await pause(Math.max(pauseMs, tookMs * 2));
    }
    isBusy.current = false;
  };
  return parsed && text.startsWith(parsed.text) ? parsed.tree : 'unread';
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
