import { useMemo, useState } from 'preact/hooks';
import { TextParts, useTruncatedText } from '../../markdown/plain.tsx';
import { parseAnsiRows } from '../../parts/ansi.ts';
import { countLines } from '../../parts/bounded-text.ts';
import { formatCount } from '../../parts/format.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import { AnsiSpans } from './spans.tsx';
import { type WholeFile, WholeOutput } from './whole-output.tsx';

const fewLines = 14;
const shownLines = 10;
const fewCharacters = 4_000;
const lineHeight = 20; // must match conversation.css

interface Props {
  readonly text: string;
  readonly command?: string | undefined;
  readonly isLive?: boolean;
  /** File with the full output, if `text` is only its beginning and end. */
  readonly whole?: WholeFile | undefined;
}

/** Shows a short output in full, the end of a long one, and all rows on request. */
export function CommandOutput({ text, command, isLive = false, whole }: Props) {
  const [isOpen, setOpen] = useState(false);
  const total = useMemo(() => countLines(text), [text]);
  const isLong = total > fewLines || text.length > fewCharacters;
  const input = useTruncatedText(command ?? '');
  const rows = useMemo(() => {
    if (isLong && !isOpen) return parseAnsiRows(lastLines(text, shownLines).slice(-fewCharacters)).slice(-shownLines);
    return parseAnsiRows(text.endsWith('\n') ? text.slice(0, -1) : text);
  }, [text, isLong, isOpen]);
  return (
    <>
      {isLong && (
        <button
          type="button"
          class="more-lines border-top full tinted bold small-text"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen
            ? t('fewerLines')
            : whole
              ? t('wholeOutput')
              : total > 1
                ? t('allLines', { n: formatCount(total) })
                : t('wholeLine')}
        </button>
      )}
      {isLong && isOpen && whole ? (
        <WholeOutput file={whole} />
      ) : isLong && isOpen ? (
        <VirtualList
          class="console padded scrolls mono pre lines"
          role="group"
          label={t('output')}
          count={rows.length}
          rowHeight={lineHeight}
          followsEnd={isLive}
          row={(n) => (
            <div key={n} class="line">
              <AnsiSpans spans={rows[n] ?? []} />
            </div>
          )}
        />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide line scrolls, also by keyboard
        <pre class="console padded scrolls mono pre" tabIndex={0}>
          {command !== undefined && (
            <>
              <span class="prompt">$ </span>
              <TextParts text={input.beginning} />
              {input.more}
              {'\n'}
            </>
          )}
          {isLong && (
            <span class="prompt">
              {total > shownLines ? `… ${t('linesBefore', { n: formatCount(total - shownLines) })}\n` : '… '}
            </span>
          )}
          {text !== '' &&
            rows.map((spans, n) => (
              <span key={n}>
                <AnsiSpans spans={spans} />
                {'\n'}
              </span>
            ))}
        </pre>
      )}
    </>
  );
}

function lastLines(text: string, maxLines: number): string {
  const end = text.endsWith('\n') ? text.length - 1 : text.length;
  let from = end;
  for (let n = 0; n < maxLines && from > 0; n++) from = text.lastIndexOf('\n', from - 1);
  return text.slice(from + 1, end);
}
