import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { fetchWithToken, mutate, toErrorText } from '../../data/server.ts';
import { HighlightedCode } from '../../markdown/code.tsx';
import { Markdown } from '../../markdown/markdown.tsx';
import { runParseTask } from '../../parsing/parse.ts';
import { truncateLine } from '../../parts/bounded-text.ts';
import { Button } from '../../parts/kit/button.tsx';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import { maxCsvCells, type SortOrder, sortRows, toggleSortOrder } from './csv.ts';
import { csvSeparatorOf, detectCodeLanguage, type FileKind, imageTypeOf } from './preview.ts';
import { type NotebookOutput, parseNotebook } from './read-notebook.ts';
import type { FileStore, LoadedFile } from './store.ts';

const maxShownRows = 5_000;
const maxColoured = 200_000;
const maxCell = 2_000; // characters
const rowHeight = 20;

interface PreviewProps {
  /** Undefined for a guest of a shared session. */
  readonly store: FileStore | undefined;
  readonly file: LoadedFile;
  readonly kind: FileKind;
}
interface FilePreviewProps extends PreviewProps {
  readonly asSource: boolean;
  readonly onSource: (asSource: boolean) => void;
  /** Undefined: the source is read-only. */
  readonly editor?: VNode | undefined;
}

export function FilePreview({ store, file, kind, asSource, onSource, editor }: FilePreviewProps) {
  if (kind === 'image') return <Picture store={store} file={file} />;
  if (store && kind === 'pdf') return <PdfView store={store} file={file} />;
  if (store && (kind === 'video' || kind === 'audio'))
    return <ServedFile key={file.version} store={store} path={file.path} kind={kind} />;
  if (['pdf', 'video', 'audio', 'binary'].includes(kind)) return <p class="quiet empty">{t('files.binary')}</p>;
  const text = new TextDecoder().decode(file.bytes);
  const source = editor ?? <Source path={file.path} text={text} />;
  if (kind === 'text' || (kind === 'html' && !store)) return source;
  return (
    <>
      <div class="row work-bar border-bottom rigid">
        <SegmentedControl
          label={t('files.view')}
          value={asSource ? 'source' : 'preview'}
          options={(['preview', 'source'] as const).map((value) => ({ value, label: t(`files.${value}`) }))}
          onChange={(value) => onSource(value === 'source')}
        />
      </div>
      {asSource && source}
      {!asSource && kind === 'svg' && <Picture store={store} file={file} />}
      {!asSource && kind === 'markdown' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <div class="file-body scrolls fill page" tabIndex={0} role="document" aria-label={file.path}>
          <Markdown text={text} sessionId={store?.sessionId} />
        </div>
      )}
      {!asSource && store && kind === 'html' && (
        <ServedFile key={file.version} store={store} path={file.path} kind="html" />
      )}
      {!asSource && kind === 'notebook' && <Notebook text={text} sessionId={store?.sessionId} />}
      {!asSource && kind === 'csv' && <Table file={file} text={text} />}
    </>
  );
}

function Source({ path, text }: { path: string; text: string }) {
  const lines = text.split('\n');
  if (text.length <= maxColoured) {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      <div class="file-body scrolls fill source small-text" tabIndex={0} role="document" aria-label={path}>
        <pre class="line-numbers quiet rigid" aria-hidden="true">
          {lines.map((_line, at) => `${at + 1}\n`).join('')}
        </pre>
        <pre class="source-text fill">
          <HighlightedCode code={text} language={detectCodeLanguage(path)} />
        </pre>
      </div>
    );
  }
  return (
    <VirtualList
      class="file-body scrolls fill"
      label={path}
      count={lines.length}
      rowHeight={rowHeight}
      row={(at) => (
        <div key={at} role="listitem" class="plain-line mono">
          {truncateLine(lines[at] ?? '')}
        </div>
      )}
    />
  );
}

function Table({ file, text }: { file: LoadedFile; text: string }) {
  const [read, setRead] = useState<readonly (readonly string[])[] | 'unreadable'>();
  const [order, setOrder] = useState<SortOrder>();
  useEffect(() => {
    const ended = new AbortController();
    const input = { text, separator: csvSeparatorOf(file.path), maxRows: maxShownRows + 1 };
    void runParseTask('csv', input, ended.signal).then((rows) => ended.signal.aborted || setRead(rows ?? 'unreadable'));
    return () => ended.abort();
  }, [file, text]);
  if (!read) return <LoadPlaceholder />;
  if (read === 'unreadable') return <Source path={file.path} text={text} />;
  const [head = [], ...unsorted] = read;
  const rows = order ? sortRows(unsorted, order) : unsorted;
  const isCut = rows.length >= maxShownRows || read.reduce((sum, row) => sum + row.length, 0) >= maxCsvCells;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <div class="file-body scrolls fill" tabIndex={0} role="document" aria-label={file.path}>
      <table class="sheet small-text">
        <thead>
          <tr>
            {head.map((name, at) => (
              <th key={`${at} ${name}`} scope="col" aria-sort={order?.column === at ? order.way : undefined}>
                <button type="button" class="sort" onClick={() => setOrder(toggleSortOrder(order, at))}>
                  {truncateLine(name, maxCell)}
                  {order?.column === at && <span aria-hidden="true">{order.way === 'ascending' ? ' ↑' : ' ↓'}</span>}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, maxShownRows).map((row, at) => (
            <tr key={at}>
              {head.map((_name, column) => (
                <td key={column}>{truncateLine(row[column] ?? '', maxCell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {isCut && <p class="work-note">{t('files.rowsCut', { rows: Math.min(rows.length, maxShownRows) })}</p>}
    </div>
  );
}

function Picture({ store, file }: Pick<PreviewProps, 'store' | 'file'>) {
  const [isLarge, setLarge] = useState(false);
  const url = useObjectUrl(store, file, imageTypeOf(file.path) ?? '');
  const zoom = () => setLarge(!isLarge);
  return (
    <div class="file-body scrolls fill picture round" data-large={isLarge ? 'true' : undefined}>
      {url && (
        <button type="button" class="zoom" aria-pressed={isLarge} aria-label={t('files.zoom')} onClick={zoom}>
          <img src={url} alt={file.path} />
        </button>
      )}
    </div>
  );
}

const mostCells = 500;

function Notebook({ text, sessionId }: { text: string; sessionId: string | undefined }) {
  const notebook = parseNotebook(text);
  if (!notebook) return <p class="quiet empty">{t('notebook.broken')}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <div class="file-body scrolls fill notebook grid" tabIndex={0} role="document" aria-label={t('files.preview')}>
      {notebook.cells.slice(0, mostCells).map((cell, at) => (
        <section key={at} aria-label={t('notebook.cell', { number: at + 1 })}>
          {cell.kind === 'markdown' ? (
            <Markdown text={cell.source} sessionId={sessionId} />
          ) : (
            <pre class="cell-code tinted round padded mono pre">
              <HighlightedCode code={cell.source} language={cell.kind === 'code' ? notebook.language : ''} />
            </pre>
          )}
          {cell.outputs.map((output, n) => (
            <Shown key={n} output={output} />
          ))}
        </section>
      ))}
    </div>
  );
}

const Shown = ({ output }: { output: NotebookOutput }) =>
  'picture' in output ? (
    <img src={output.picture} alt="" />
  ) : (
    <pre class={output.isError ? 'cell-output padded mono pre bad-text' : 'cell-output padded mono pre'}>
      {output.text}
    </pre>
  );

/** Lifetime of an address that is never revoked, for example because the browser crashed. */
const lifeMinutes = 60;

/** Uses a secret address, limited to the file's folder and revoked when the view closes. */
function ServedFile({ store, path, kind }: { store: FileStore; path: string; kind: 'html' | 'video' | 'audio' }) {
  const [turn, setTurn] = useState(0);
  const address = useAddress(store.sessionId, path, turn);
  const [runsScripts, setRunsScripts] = useState(false);
  useEffect(() => setRunsScripts(false), [path]);
  if (!address || 'failed' in address)
    return <LoadPlaceholder problem={address?.failed ?? ''} again={() => setTurn(turn + 1)} />;
  if (kind === 'html') {
    return (
      <>
        <PageFrame
          key={String(runsScripts)}
          src={address.of}
          title={path}
          allowed={runsScripts ? 'allow-scripts allow-forms allow-modals' : ''}
          takesFocus={runsScripts}
        />
        <p class="work-note quiet">
          {t(runsScripts ? 'files.sandboxed' : 'files.withoutScripts')}{' '}
          {!runsScripts && <Button class="small" label={t('files.runScripts')} onClick={() => setRunsScripts(true)} />}
        </p>
      </>
    );
  }
  return (
    <div class="file-body scrolls fill picture round">
      {/* biome-ignore-start lint/a11y/useMediaCaption: workspace files have no captions */}
      {kind === 'video' ? (
        <video src={address.of} controls title={path} />
      ) : (
        <audio src={address.of} controls title={path} />
      )}
      {/* biome-ignore-end lint/a11y/useMediaCaption: workspace files have no captions */}
    </div>
  );
}

function useAddress(sessionId: string, path: string, turn: number) {
  const [address, setAddress] = useState<{ readonly of: string } | { readonly failed: string }>();
  useEffect(() => {
    const cut = path.lastIndexOf('/');
    const wish = { sessionId, of: 'files', folder: path.slice(0, Math.max(0, cut)), minutes: lifeMinutes } as const;
    const opening = mutate('ports.open', wish);
    let isOver = false;
    opening.then(
      (opened) => !isOver && setAddress({ of: opened.path + path.split('/').map(encodeURIComponent).join('/') }),
      (thrown: unknown) => !isOver && setAddress({ failed: toErrorText(thrown) }),
    );
    const close = () => {
      isOver = true;
      const remove = ({ id }: { readonly id: string }) =>
        fetchWithToken(`/api/v1/sessions/${sessionId}/previews/${id}`, { method: 'DELETE', keepalive: true });
      opening.then(remove).catch(() => {}); // an address that is not revoked expires
    };
    addEventListener('pagehide', close);
    return () => {
      removeEventListener('pagehide', close);
      setAddress(undefined);
      close();
    };
  }, [sessionId, path, turn]);
  return address;
}

function useObjectUrl(store: FileStore | undefined, file: LoadedFile, type: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const read = file.isCut && store ? store.read(file.path, true) : Promise.resolve(file);
    void read.then(({ bytes }) => {
      if (isOver) return;
      made = URL.createObjectURL(new Blob([bytes], { type }));
      setUrl(made);
    });
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [file]);
  return url;
}

/** The browser's built-in PDF viewer does not let a PDF open other files. */
function PdfView({ store, file }: { store: FileStore; file: LoadedFile }) {
  const url = useObjectUrl(store, file, 'application/pdf');
  if (!navigator.pdfViewerEnabled) return <p class="quiet empty">{t('files.pdf')}</p>;
  return url === undefined ? null : <iframe class="page-frame" src={url} title={file.path} />;
}
