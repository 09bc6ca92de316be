import '../styles/all.css';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ConversationItems } from '../conversation/items.tsx';
import { PlanPanel } from '../conversation/plan.tsx';
import { CodeBlock } from '../markdown/code.tsx';
import { warmParser } from '../parsing/parse.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { formatBytes, formatDateTime } from '../parts/format.ts';
import { Icon } from '../parts/kit/icon.tsx';
import { List } from '../parts/kit/list.tsx';
import { t } from '../text/text.ts';
import {
  lastReadSeq,
  listSharedFiles,
  pollSharedSession,
  readSharedFile,
  type SharedFileEntry,
  ShareRequestError,
  sharedConversationState,
  sharedSummary,
  shareState,
} from './session.ts';

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
        <div>
          <h1 dir="auto">{title}</h1>
          <p class="quiet small-text" role="status">
            {shareState.value === 'offline'
              ? t('shared.offline')
              : summary
                ? t('shared.about', { time: formatDateTime(summary.expiresAt) })
                : t('loading')}
          </p>
        </div>
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

const under = (folder: string, name: string) => (folder === '.' ? name : `${folder}/${name}`);
const above = (folder: string) => (folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '.');

/** Lists one folder at a time, and lists it again after each change in the session. */
function SharedFiles() {
  const [folder, setFolder] = useState('.');
  const [entries, setEntries] = useState<readonly SharedFileEntry[]>();
  const [file, setFile] = useState<{ path: string; content: string }>();
  const [trouble, setTrouble] = useState('');
  const onError = (thrown: unknown) => {
    const rests = thrown instanceof ShareRequestError && thrown.status === 404;
    setTrouble(rests ? t('shared.filesRest') : String((thrown as Error).message || t('shared.filesUnread')));
  };
  const seq = lastReadSeq.value;
  useEffect(() => {
    let isLate = false;
    setTrouble('');
    listSharedFiles(folder).then(
      (found) => isLate || setEntries(found),
      (thrown: unknown) => isLate || onError(thrown),
    );
    return () => {
      isLate = true;
    };
  }, [folder, seq]);
  const open = ({ name, type }: SharedFileEntry) => {
    const path = under(folder, name);
    setFile(undefined);
    if (type === 'directory') return setFolder(path);
    setTrouble('');
    readSharedFile(path).then((content) => setFile({ path, content }), onError);
  };
  return (
    <section class="stack shared-files" aria-label={t('tab.files')}>
      <h2>
        {t('tab.files')} {folder !== '.' && <span class="quiet">{folder}</span>}
      </h2>
      {trouble !== '' && <p class="note wait">{trouble}</p>}
      {entries?.length === 0 && folder === '.' && <p class="quiet">{t('shared.noFiles')}</p>}
      {entries && (entries.length > 0 || folder !== '.') && (
        <List
          items={[
            ...(folder === '.'
              ? []
              : [{ key: '/', icon: 'back', title: t('shared.up'), open: () => setFolder(above(folder)) } as const]),
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
      {file && (
        <div role="region" aria-label={file.path}>
          <h3>{file.path}</h3>
          <CodeBlock code={file.content} language={file.path.split('.').at(-1) ?? ''} />
        </div>
      )}
    </section>
  );
}

const root = document.getElementById('root');
if (root) render(<SharedPage />, root);
pollSharedSession();
warmParser(); // the parser loads while the session is fetched
