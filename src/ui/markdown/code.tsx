import { useEffect, useState } from 'preact/hooks';
import type { Piece } from '../parsing/highlight.ts';
import { parse } from '../parsing/parse.ts';
import { plainText } from '../parts/ansi.ts';
import { CopyButton } from '../parts/copy-button.tsx';

const mostHighlighted = 60_000;

interface Props {
  readonly code: string;
  /** The name of the language, or the ending of a file. */
  readonly language?: string | undefined;
}

/** A block of code with its language and a button that copies it. Colours come when the worker has found them. */
export function Code({ code: given, language }: Props) {
  const code = plainText(given); // a model repeats the output of programs with their colours
  return (
    <div class="code">
      <div class="code-head">
        <span>{language ?? ''}</span>
        <CopyButton text={code} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide block scrolls, also by keyboard */}
      <pre tabIndex={0}>
        <Highlighted code={code} language={language} />
      </pre>
    </div>
  );
}

/** Only the coloured text. */
export function Highlighted({ code, language = '' }: Props) {
  const [colored, setColored] = useState<{ code: string; pieces: readonly Piece[] | undefined }>();
  useEffect(() => {
    if (language === '' || code.length > mostHighlighted) return undefined;
    const ended = new AbortController();
    void parse('highlight', { code, language: language.split('.').at(-1) ?? '' }, ended.signal).then(
      (pieces) => ended.signal.aborted || setColored({ code, pieces }),
    );
    return () => ended.abort();
  }, [code, language]);
  return <code>{(colored?.code === code && colored.pieces?.map(piece)) || code}</code>;
}

const piece = (one: Piece, key: number) =>
  typeof one === 'string' ? (
    one
  ) : (
    <span key={key} class={one.class}>
      {one.inner.map(piece)}
    </span>
  );
