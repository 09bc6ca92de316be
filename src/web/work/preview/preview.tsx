import { useEffect, useState } from 'preact/hooks';
import { mutateWithRetry, query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { formatDateTime } from '../../parts/format.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { CopyButton } from '../../parts/kit/copy-button.tsx';
import { Icon } from '../../parts/kit/icon.tsx';
import { LoadPlaceholder, useLoadedData } from '../../parts/kit/trouble.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { PageFrame } from '../../parts/page-frame.tsx';
import { t } from '../../text/text.ts';
import { SleepingSandbox } from '../sandbox-state.tsx';
import {
  buildPreviewUrl,
  findOrOpenPreview,
  hasOwnOrigin,
  markPortsSeen,
  openPort,
  type Preview,
  ports,
  previewLocation,
  showPreviewAt,
} from './state.ts';
import type { PreviewLocation } from './target.ts';

export function PreviewPane({ session: { id } }: { session: Session }) {
  const all = ports.value;
  useEffect(markPortsSeen, [all]);
  const at = previewLocation.value;
  if (at) return <Shown key={`${at.port} ${at.path}`} sessionId={id} at={at} />;
  if (!all) return <LoadPlaceholder />;
  return (
    <section aria-label={t('tab.preview')}>
      <SleepingSandbox sessionId={id} />
      {all.length === 0 && <p class="quiet empty">{t('preview.none')}</p>}
      <ul class="processes scrolls" aria-label={t('preview.ports')}>
        {all.map(({ port, command = '' }) => (
          <li key={port}>
            <button type="button" class="row tree-row full" onClick={() => openPort(port)}>
              <Icon name="globe" size={16} />
              <strong>{t('preview.port', { port })}</strong>
              <code class="cut fill quiet">{command}</code>
            </button>
          </li>
        ))}
      </ul>
      <Open sessionId={id} />
    </section>
  );
}

/** Excludes previews that the page opened for its own frames. */
const isShared = ({ folder }: Preview) => folder === undefined;
const targetOf = ({ of }: Preview) => (of === 'files' ? t('tab.files') : t('preview.port', { port: of }));

/** Anyone who has the address of a preview can use it. */
function Open({ sessionId }: { sessionId: string }) {
  const [open, setOpen] = useState<readonly Preview[]>([]);
  const look = () =>
    query('ports.opened', { sessionId }).then(
      (all) => setOpen(all.filter(isShared)),
      () => {},
    );
  useEffect(() => void look(), [sessionId]);
  if (open.length === 0) return null;
  const close = (id: string) =>
    tryOrNotify(t('preview.notClosed'), async () => {
      await mutateWithRetry('ports.close', { sessionId, id });
      await look();
    });
  return (
    <section class="preview-open border-top scrolls" aria-label={t('preview.open')}>
      <h2>{t('preview.open')}</h2>
      <p class="quiet">{t('preview.openText')}</p>
      <ul class="stack">
        {open.map((one) => (
          <li key={one.id} class="row wrap">
            <span class="fill">
              {targetOf(one)}
              <span class="quiet"> · {t('until', { time: formatDateTime(one.expiresAt) })}</span>
            </span>
            <CopyButton text={buildPreviewUrl(one, '/')} />
            <Button
              kind="quiet"
              class="small"
              label={t('revoke')}
              aria-label={t('preview.closeOne', { what: targetOf(one) })}
              onClick={() => void close(one.id)}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shown({ sessionId, at }: { sessionId: string; at: PreviewLocation }) {
  const read = () => findOrOpenPreview(sessionId, at.port);
  const { now: found, problem, again } = useLoadedData(read, [sessionId, at.port]);
  const [path, setPath] = useState(at.path);
  const [turn, setTurn] = useState(0);
  useEffect(
    () => () => {
      // Only the first view takes the focus; later the tab keeps it.
      if (previewLocation.peek() === at) previewLocation.value = { port: at.port, path: at.path };
    },
    [at],
  );
  const address = found && buildPreviewUrl(found, at.path);
  return (
    <section class="preview" aria-label={t('preview.port', { port: at.port })}>
      <form
        class="row work-bar border-bottom rigid"
        onSubmit={(event) => {
          event.preventDefault();
          if (path === at.path) setTurn(turn + 1);
          else showPreviewAt({ port: at.port, path });
        }}
      >
        <IconButton
          icon="back"
          label={t('preview.back')}
          onClick={() => {
            previewLocation.value = undefined;
          }}
        />
        <span class="preview-port rigid mono bold">:{at.port}</span>
        <input
          class="preview-path mono fill box"
          aria-label={t('preview.path')}
          value={path}
          spellcheck={false}
          onInput={({ currentTarget }) => setPath(currentTarget.value)}
        />
        <IconButton icon="retry" label={t('preview.reload')} onClick={() => setTurn(turn + 1)} />
        {address !== undefined && <CopyButton text={address} />}
        {address !== undefined && (
          <a class="button quiet" href={address} target="_blank" rel="noopener noreferrer">
            <Icon name="external" size={16} /> {t('openInTab')}
          </a>
        )}
      </form>
      <SleepingSandbox sessionId={sessionId} />
      {problem !== '' && <LoadPlaceholder problem={problem} again={again} />}
      {found && (
        <PageFrame
          key={turn}
          takesFocus={at.takesFocus === true && turn === 0}
          src={address}
          title={t('preview.frame', { port: at.port })}
          allowed={`allow-scripts allow-forms allow-popups allow-modals allow-downloads${
            hasOwnOrigin(found) ? ' allow-same-origin' : ''
          }`}
        />
      )}
      {found && !hasOwnOrigin(found) && <p class="work-note">{t('preview.sandboxed')}</p>}
    </section>
  );
}
