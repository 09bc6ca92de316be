import { useEffect, useMemo, useState } from 'preact/hooks';
import type { HighlightNode } from '../parsing/highlight.ts';
import { runParseTask } from '../parsing/parse.ts';
import { stripAnsi } from '../parts/ansi.ts';
import { countLines, splitTextParts } from '../parts/bounded-text.ts';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { TextPart } from './plain.tsx';

const maxHighlighted = 60_000;

interface Props {
  readonly code: string;
  /** Language name, or file extension. */
  readonly language?: string | undefined;
}

export function CodeBlock({ code: given, language }: Props) {
  const code = stripAnsi(given); // models may quote program output with its color codes
  return (
    <div class="code tinted box">
      <div class="code-head between quiet small-text row">
        <span>{language ?? ''}</span>
        <CopyButton text={code} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide block scrolls, also by keyboard */}
      <pre dir="ltr" tabIndex={0}>
        <HighlightedCode code={code} language={language} />
      </pre>
    </div>
  );
}

export function HighlightedCode({ code, language = '' }: Props) {
  const [colored, setColored] = useState<{
    code: string;
    parts: readonly (readonly HighlightNode[])[] | undefined;
  }>();
  useEffect(() => {
    if (language === '' || code.length > maxHighlighted) return undefined;
    const ended = new AbortController();
    void runParseTask('highlight', { code, language: language.split('.').at(-1) ?? '' }, ended.signal).then(
      (parts) => ended.signal.aborted || setColored({ code, parts }),
    );
    return () => ended.abort();
  }, [code, language]);
  const parts = useMemo(() => splitTextParts(code), [code]);
  const pieces = (at: number) => (colored?.code === code && colored.parts?.[at]?.map(piece)) || parts[at];
  if (parts.length < 2) return <code>{pieces(0)}</code>;
  return (
    <code>
      {parts.map((text, at) => (
        <TextPart key={at} lines={countLines(text)}>
          {pieces(at)}
        </TextPart>
      ))}
    </code>
  );
}

const piece = (one: HighlightNode, key: number) =>
  typeof one === 'string' ? (
    one
  ) : (
    <span key={key} class={one.class}>
      {one.inner.map(piece)}
    </span>
  );
