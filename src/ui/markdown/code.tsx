import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { plainText } from '../parts/ansi.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import type { highlight as Highlight, Piece } from './highlight.ts';

const highlighter = signal<typeof Highlight | undefined>(undefined);
let isLoading = false;
const mostHighlighted = 60_000;

function load() {
  if (isLoading) return;
  isLoading = true;
  void import('./highlight.ts').then((module) => {
    highlighter.value = module.highlight;
  });
}

interface Props {
  readonly code: string;
  /** The name of the language, or the ending of a file. */
  readonly language?: string | undefined;
  readonly class?: string;
}

/** A block of code with its language and a button that copies it. Colours come when the highlighter has loaded. */
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
export function Highlighted({ code, language }: Props) {
  const wanted = language !== undefined && language !== '' && code.length <= mostHighlighted;
  useEffect(() => {
    if (wanted) load();
  }, [wanted]);
  const run = wanted ? highlighter.value : undefined;
  const pieces = useMemo(() => run?.(code, language?.split('.').at(-1) ?? ''), [run, code, language]);
  return <code>{pieces ? pieces.map(piece) : code}</code>;
}

const piece = (one: Piece, key: number) =>
  typeof one === 'string' ? (
    one
  ) : (
    <span key={key} class={one.class}>
      {one.inner.map(piece)}
    </span>
  );
