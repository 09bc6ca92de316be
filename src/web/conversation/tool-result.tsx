import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { isFileReadingTool } from '../../core/model/event-traits.ts';
import type { FileEdit, ToolItem, ToolState } from '../data/items.ts';
import { fetchWithToken, toErrorText } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import { PlainText, TextParts, useTruncatedText } from '../markdown/plain.tsx';
import { type AnsiSpan, parseAnsiRows, stripAnsi } from '../parts/ansi.ts';
import { countLines, truncateLine } from '../parts/bounded-text.ts';
import { type DiffLine, diffLines } from '../parts/diff.ts';
import { formatCount } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { TextLines } from '../parts/text-lines.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { t } from '../text/text.ts';
import { readFileRange, toFileUrl } from '../work/files/store.ts';

const maxDiffLines = 400;
const moreDiffLines = 5_000;

export function ToolResultView({ item, state }: { item: ToolItem; state: ToolState }) {
  const { command: ran, code } = state.called?.args ?? item.args;
  const input = ran ?? code;
  const command = typeof input === 'string' ? input : undefined;
  const { called, live } = state;
  if (!called)
    return command === undefined && live === '' ? null : <CommandOutput command={command} text={live} isLive />;
  const { content, output } = called;
  if (!content) {
    if (output === '') return null;
    return (
      <>
        {isForAgent(called) && <p class="tool-note padded border-top quiet">{t('tool.forAgent')}</p>}
        <CommandOutput text={output} />
      </>
    );
  }
  if ('console' in content) {
    const last = content.console.at(-1);
    const text = last?.output ?? output;
    return <CommandOutput command={last?.command || command} text={text} whole={findFullOutputFile(item, output)} />;
  }
  if ('oldContent' in content) {
    if (isFileReadingTool(item.name)) return <CommandOutput text={content.content} />;
    return <FileDiff before={content.oldContent} after={content.content} textOf={stripAnsi} />;
  }
  if ('screenshot' in content) return <Screen address={content.screenshot} text={output} />;
  if ('results' in content) return <Results results={content.results} />;
  return <CommandOutput text={JSON.stringify(content.result, null, 2) ?? ''} />;
}

/** The call was not carried out. */
const isForAgent = ({ success, reason, exitCode }: NonNullable<ToolState['called']>): boolean =>
  !success && reason === undefined && exitCode === undefined;

const diffSigns = { added: '+ ', removed: '− ', same: '  ', skipped: '  ' };

export function FileDiff({ before, after, textOf }: Omit<FileEdit, 'path'> & { textOf: (text: string) => string }) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  return <DiffView lines={lines} textOf={textOf} />;
}

export function DiffView({ lines, textOf }: { lines: readonly DiffLine[]; textOf: (text: string) => string }) {
  const [max, setMax] = useState(maxDiffLines);
  if (lines.length === 0 || lines.every(({ kind }) => kind === 'skipped'))
    return <p class="tool-note padded border-top quiet">{t('noChange')}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long difference scrolls, also by keyboard
    <pre class="diff border-top scrolls mono pre" role="group" tabIndex={0} aria-label={t('changes')}>
      {lines.slice(0, max).map(({ kind, text }, n) => (
        <div key={n} class={kind}>
          <TextParts text={diffSigns[kind] + textOf(text)} />
        </div>
      ))}
      {lines.length > max && (
        <Button
          kind="quiet"
          class="small more-text"
          label={t('moreLines', { n: formatCount(lines.length - max) })}
          onClick={() => setMax(max + moreDiffLines)}
        />
      )}
    </pre>
  );
}

/** Fetched, because an image element's address must not contain the token. */
function Screen({ address, text }: { address: string; text: string }) {
  const [url, setUrl] = useState<string>();
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const path = pathHere(address);
    if (path === undefined) return undefined;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      fetchWithToken(path)
        .then(async (response) => response.ok && setUrl(URL.createObjectURL(await response.blob())))
        .catch(() => {});
    });
    if (ref.current) seen.observe(ref.current);
    return () => seen.disconnect();
  }, [address]);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  return (
    <div ref={ref}>
      {url && <img class="tool-screen border-top full" src={url} alt={t('screenshot')} />}
      {text !== '' && (
        <details class="reply-text">
          <summary>{t('fullReply')}</summary>
          <CommandOutput text={text} />
        </details>
      )}
    </div>
  );
}

function pathHere(address: string): string | undefined {
  if (!URL.canParse(address, location.origin)) return undefined;
  const { origin, pathname, search } = new URL(address, location.origin);
  return origin === location.origin ? pathname + search : undefined;
}

const Results = ({ results }: { results: readonly { title: string; link: string; snippet: string }[] }) => (
  <ul class="results padded border-top stack breaks">
    {results.map(({ title, link, snippet }) => (
      <li key={link}>
        {/^https?:\/\//i.test(link) ? (
          <a href={link} target="_blank" rel="noopener noreferrer">
            {truncateLine(title)}
          </a>
        ) : (
          <b>{truncateLine(title)}</b>
        )}
        <div class="quiet">
          <PlainText text={snippet} />
        </div>
      </li>
    ))}
  </ul>
);

const fewLines = 14;
const shownLines = 10;
const fewCharacters = 4_000;
const lineHeight = 20; // must match conversation.css

interface Props {
  readonly text: string;
  readonly command?: string | undefined;
  readonly isLive?: boolean;
  /** Set if `text` is only the beginning and the end of the output. */
  readonly whole?: FullOutputFile | undefined;
}

function CommandOutput({ text, command, isLive = false, whole }: Props) {
  const [isOpen, setOpen] = useState(false);
  const total = useMemo(() => countLines(text), [text]);
  const isLong = total > fewLines || text.length > fewCharacters;
  const input = useTruncatedText(command ?? '');
  const rows = useMemo(() => {
    if (isLong && isOpen) return parseAnsiRows(text.endsWith('\n') ? text.slice(0, -1) : text);
    const short = isLong ? lastLines(text, shownLines).slice(-fewCharacters) : text.replace(/\n$/, '');
    return parseAnsiRows(short, fewCharacters); // lines are not split into rows, because the page wraps them
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
        <FullOutput file={whole} />
      ) : isLong && isOpen ? (
        <OutputLines count={rows.length} spans={(n) => rows[n] ?? []} followsEnd={isLive} />
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

const partBytes = 4 * 1024 * 1024;
const leftOut = /\n\[… \d+ bytes left out …\]\n/;

interface FullOutputFile {
  readonly sessionId: string;
  readonly path: string;
}

function findFullOutputFile({ sessionId, runId, callId, family }: ToolItem, text: string): FullOutputFile | undefined {
  if (family !== 'shell' || sessionId !== currentSessionId.value || !leftOut.test(text)) return undefined;
  return { sessionId, path: `.corral/output/${runId}.${callId}.log` };
}

function FullOutput({ file: { sessionId, path } }: { file: FullOutputFile }) {
  const lines = useMemo(() => new TextLines(), [path]);
  const [size, setSize] = useState(0);
  const [problem, setProblem] = useState('');
  const [, setBytes] = useState(0);
  useEffect(() => {
    let isOver = false;
    const load = async () => {
      for (;;) {
        const { bytes, size: all } = await readFileRange(toFileUrl(sessionId, path), lines.bytes, partBytes);
        if (isOver || bytes.length === 0) return;
        lines.add(bytes);
        setSize(all);
        setBytes(lines.bytes);
        if (lines.bytes >= all) return; // the server refuses a range that starts beyond the end
      }
    };
    load().catch((thrown: unknown) => setProblem(toErrorText(thrown)));
    return () => {
      isOver = true;
    };
  }, [path]);
  return (
    <>
      {problem !== '' && <p class="tool-note padded border-top quiet bad-text">{t('wholeGone', { why: problem })}</p>}
      {lines.bytes < size && (
        <p class="tool-note padded border-top quiet" role="status">
          <progress value={lines.bytes} max={size} aria-label={t('loading')} />{' '}
          {t('linesSoFar', { n: formatCount(lines.count) })}
        </p>
      )}
      <OutputLines count={lines.count} spans={(n) => parseAnsiRows(lines.line(n)).flat()} />
    </>
  );
}

const OutputLines = ({ spans, ...rest }: { count: number; spans: (n: number) => AnsiSpan[]; followsEnd?: boolean }) => (
  <VirtualList
    class="console padded scrolls mono pre lines"
    role="group"
    label={t('output')}
    rowHeight={lineHeight}
    {...rest}
    row={(n) => (
      <div key={n} class="line">
        <AnsiSpans spans={spans(n)} />
      </div>
    )}
  />
);

const AnsiSpans = ({ spans }: { spans: readonly AnsiSpan[] }) => (
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
