import { useMemo, useState } from 'preact/hooks';
import { ansiLines, type Span } from '../parts/ansi.ts';
import { count } from '../parts/format.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { t } from '../text/text.ts';

const fewLines = 14;
const shownLines = 10;
const lineHeight = 20; // as in conversation.css

interface Props {
  readonly text: string;
  /** The line above the output: the command. */
  readonly command?: string | undefined;
  readonly isLive?: boolean;
}

/** What a command printed, with its colours: short output whole, of a long one the end, and all of it on request. */
export function Output({ text, command, isLive = false }: Props) {
  const [isOpen, setOpen] = useState(false);
  const total = useMemo(() => countLines(text), [text]);
  const isLong = total > fewLines;
  const lines = useMemo(() => {
    if (isLong && !isOpen) return ansiLines(lastLines(text, shownLines));
    return ansiLines(text.endsWith('\n') ? text.slice(0, -1) : text);
  }, [text, isLong, isOpen]);
  return (
    <>
      {isLong && (
        <button type="button" class="more-lines" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? t('fewerLines') : t('allLines', { n: count(total) })}
        </button>
      )}
      {isLong && isOpen ? (
        <VirtualList
          class="console lines"
          role="group"
          label={t('output')}
          count={lines.length}
          rowHeight={lineHeight}
          followsEnd={isLive}
          row={(n) => (
            <div key={n} class="line">
              <Spans spans={lines[n] ?? []} />
            </div>
          )}
        />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide line scrolls, also by keyboard
        <pre class="console" tabIndex={0}>
          {command !== undefined && (
            <>
              <span class="prompt">$ </span>
              {command}
              {'\n'}
            </>
          )}
          {isLong && <span class="prompt">{`… ${t('linesBefore', { n: count(total - shownLines) })}\n`}</span>}
          {text !== '' &&
            lines.map((spans, n) => (
              <span key={n}>
                <Spans spans={spans} />
                {'\n'}
              </span>
            ))}
        </pre>
      )}
    </>
  );
}

const Spans = ({ spans }: { spans: readonly Span[] }) => (
  <>
    {spans.map(({ text, class: names, color, background }, n) =>
      names === '' && !color && !background ? (
        text
      ) : (
        <span key={n} class={names} style={{ ...(color && { color }), ...(background && { background }) }}>
          {text}
        </span>
      ),
    )}
  </>
);

function countLines(text: string): number {
  let lines = text === '' ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return text.endsWith('\n') ? lines - 1 : lines;
}

function lastLines(text: string, wanted: number): string {
  const end = text.endsWith('\n') ? text.length - 1 : text.length;
  let from = end;
  for (let n = 0; n < wanted && from > 0; n++) from = text.lastIndexOf('\n', from - 1);
  return text.slice(from + 1, end);
}
