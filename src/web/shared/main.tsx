import '../styles/all.css';
import { signal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Event } from '../../client/types.ts';
import { ConversationItems } from '../conversation/items.tsx';
import { PlanPanel } from '../conversation/plan.tsx';
import { ConversationState } from '../data/model.ts';
import { warmParser } from '../parsing/parse.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { formatBytes, formatDateTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { List } from '../parts/kit/list.tsx';
import { t } from '../text/text.ts';
import { detectFileKind } from '../work/files/preview.ts';
import { FilePreview } from '../work/files/previews.tsx';
import type { LoadedFile } from '../work/files/store.ts';
import { saveBlob } from '../work/files/transfers.ts';

// The link's secret comes after the #, which browsers never send to a server.

interface Page {
  readonly session: { readonly title: string };
  readonly events: readonly Omit<Event, 'sessionId'>[];
  readonly after: number;
  readonly head: number;
  readonly files: boolean;
  readonly expiresAt: number; // epoch ms
}
interface SharedFileEntry {
  readonly name: string;
  readonly type: string;
  readonly size: number | null;
}

const sharedConversationState = new ConversationState();
const sharedSummary = signal<Omit<Page, 'events'> | undefined>(undefined);
/** `invalid`: the link is no longer valid. `offline`: the page retries automatically. */
const shareState = signal<'loading' | 'shown' | 'invalid' | 'offline'>('loading');

const lastReadSeq = signal(0);

const everyMs = 5_000;

/** `status` 0: the server did not answer. */
class ShareRequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function ask<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: location.hash.slice(1), ...body }),
  }).catch(() => undefined);
  const answer: (Answer & { detail?: string; msg?: string }) | undefined = await response
    ?.json()
    .catch(() => undefined);
  if (!response || !answer) throw new ShareRequestError(0, '');
  if (!response.ok) throw new ShareRequestError(response.status, answer.detail ?? answer.msg ?? '');
  return answer;
}

let cursor = 0;

async function readOn(): Promise<void> {
  for (;;) {
    const page = await ask<Page>('/api/v1/shared', { after: cursor });
    sharedConversationState.take(page.events.map((event) => ({ ...event, sessionId: '' }) as Event));
    sharedSummary.value = page;
    shareState.value = 'shown';
    cursor = page.after;
    if (cursor >= page.head) {
      lastReadSeq.value = cursor;
      return;
    }
  }
}

function pollSharedSession(): void {
  const again = async () => {
    if (document.visibilityState === 'visible') {
      await readOn().catch((thrown: unknown) => {
        const isFinal = thrown instanceof ShareRequestError && [404, 422].includes(thrown.status);
        shareState.value = isFinal ? 'invalid' : 'offline';
      });
    }
    if (shareState.value !== 'invalid') setTimeout(again, everyMs);
  };
  addEventListener('hashchange', () => location.reload());
  void again();
}

function SharedPage() {
  const summary = sharedSummary.value;
  const title = summary?.session.title || t('shared.title');
  useEffect(() => {
    document.title = `${title} · Corral`;
  }, [title]);
  if (shareState.value === 'invalid') {
    return (
      <main class="shared roomy shared-none stack">
        <Icon name="warning" size={28} />
        <h1>{t('shared.unfit')}</h1>
        <p class="quiet">{t('shared.unfitTells')}</p>
      </main>
    );
  }
  return (
    <main class="shared roomy stack">
      <header class="row border-bottom">
        <img src="/static/icon.svg" alt="" width="26" height="26" />
        <div class="fill">
          <h1 dir="auto">{title}</h1>
          <p class="quiet small-text" role="status">
            {shareState.value === 'offline'
              ? t('shared.offline')
              : summary
                ? t('shared.about', { time: formatDateTime(summary.expiresAt) })
                : t('loading')}
          </p>
        </div>
        {summary?.files && (
          <Button icon="folder" label={t('tab.files')} onClick={() => showPart(document.getElementById('files'))} />
        )}
      </header>
      {summary && (
        <>
          <ErrorBoundary instead={null}>
            <PlanPanel model={sharedConversationState} />
          </ErrorBoundary>
          {sharedConversationState.items.value.length === 0 && <p class="quiet empty">{t('shared.empty')}</p>}
          <ErrorBoundary instead={<p class="quiet">{t('notDrawn')}</p>}>
            <ConversationItems model={sharedConversationState} sessionId={undefined} />
          </ErrorBoundary>
          {summary.files && (
            <ErrorBoundary instead={<p class="quiet">{t('notDrawn')}</p>}>
              <SharedFiles />
            </ErrorBoundary>
          )}
        </>
      )}
    </main>
  );
}

function showPart(heading: HTMLElement | null): void {
  heading?.scrollIntoView();
  heading?.focus({ preventScroll: true });
}

function SharedFiles() {
  const [folder, setFolder] = useState('.');
  const [entries, setEntries] = useState<readonly SharedFileEntry[]>();
  const [file, setFile] = useState<LoadedFile>();
  const [trouble, setTrouble] = useState('');
  const requested = useRef('');
  const onError = (thrown: unknown) => {
    const rests = thrown instanceof ShareRequestError && thrown.status === 404;
    setTrouble(rests ? t('shared.filesRest') : String((thrown as Error).message || t('shared.filesUnread')));
  };
  const above = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '.';
  const seq = lastReadSeq.value;
  useEffect(() => {
    let isLate = false;
    setTrouble('');
    ask<{ entries: SharedFileEntry[] }>('/api/v1/shared/files', { path: folder }).then(
      (found) => isLate || setEntries(found.entries),
      (thrown: unknown) => isLate || onError(thrown),
    );
    return () => {
      isLate = true;
    };
  }, [folder, seq]);
  const open = ({ name, type }: SharedFileEntry) => {
    const path = folder === '.' ? name : `${folder}/${name}`;
    setFile(undefined);
    requested.current = path;
    if (type === 'directory') return setFolder(path);
    setTrouble('');
    ask<{ content: string }>('/api/v1/shared/file', { path, encoding: 'base64' }).then(({ content }) => {
      if (requested.current !== path) return;
      const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
      setFile({ path, bytes, size: bytes.length, version: '', isCut: false });
    }, onError);
  };
  return (
    <section class="stack shared-files" aria-label={t('tab.files')}>
      <h2 id="files" tabIndex={-1}>
        {t('tab.files')} {folder !== '.' && <span class="quiet">{folder}</span>}
      </h2>
      {trouble !== '' && <p class="note wait">{trouble}</p>}
      {entries?.length === 0 && folder === '.' && <p class="quiet">{t('shared.noFiles')}</p>}
      {entries && (entries.length > 0 || folder !== '.') && (
        <List
          items={[
            ...(folder === '.'
              ? []
              : [{ key: '/', icon: 'back', title: t('shared.up'), open: () => setFolder(above) } as const]),
            ...entries.map((entry) => ({
              key: entry.name,
              icon: entry.type === 'directory' ? ('folder' as const) : ('file' as const),
              title: entry.name,
              action: entry.size !== null && entry.type !== 'directory' && (
                <span class="quiet">{formatBytes(entry.size)}</span>
              ),
              open: () => open(entry),
            })),
          ]}
        />
      )}
      {file && <SharedFile key={file.path} file={file} />}
    </section>
  );
}

/** Pages and SVG are shown as source, because no separate origin serves them here. */
function SharedFile({ file }: { file: LoadedFile }) {
  const { path, bytes } = file;
  const [asSource, setSource] = useState(false);
  const kind = /\.svgz?$/i.test(path) ? 'text' : detectFileKind(path, bytes);
  return (
    <div role="region" class="stack shared-file" aria-label={path}>
      <header class="row wrap">
        <h3 class="fill breaks" ref={showPart} tabIndex={-1}>
          {path}
        </h3>
        <Button
          icon="download"
          label={t('files.download')}
          onClick={() => saveBlob(new Blob([bytes]), path.split('/').at(-1) ?? path)}
        />
      </header>
      {kind === 'html' && <p class="quiet">{t('shared.page')}</p>}
      <FilePreview store={undefined} file={file} kind={kind} asSource={asSource} onSource={setSource} />
    </div>
  );
}

const root = document.getElementById('root');
if (root) render(<SharedPage />, root);
pollSharedSession();
warmParser();
