import { useEffect, useState } from 'preact/hooks';
import { attachmentsOf, readSentFile, removeAttachments, type SentFile, toSentFileUrl } from '../data/attachments.ts';
import { fetchWithToken } from '../data/server.ts';
import { formatBytes } from '../parts/format.ts';
import { IconButton } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { downloadFile } from '../work/files/transfers.ts';

export function Attachments({ sessionId }: { sessionId: string | undefined }) {
  const all = attachmentsOf(sessionId);
  if (all.length === 0) return null;
  return (
    <ul class="row attachments wrap small-text" aria-label={t('attach.files')}>
      {all.map(({ key, name, size, picture, done, id, failed }) => (
        <li class="row box raised" key={key} data-failed={failed === undefined ? undefined : 'true'}>
          {picture === undefined ? <Icon name="file" size={16} /> : <img src={picture} alt="" />}
          <span class="cut attachment-name" title={name}>
            {name}
          </span>
          <span class="quiet">{failed ?? (id === undefined ? `${Math.round(done * 100)} %` : formatBytes(size))}</span>
          {id === undefined && failed === undefined && (
            <progress value={done} aria-label={t('files.sending', { name })} />
          )}
          <IconButton
            class="small"
            icon="close"
            label={t('attach.remove', { name })}
            onClick={() => removeAttachments(sessionId, key)}
          />
        </li>
      ))}
    </ul>
  );
}

export function SentAttachment({ id }: { id: string }) {
  const [file, setFile] = useState<SentFile>();
  const [picture, setPicture] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const look = async () => {
      const found = await readSentFile(id);
      if (isOver) return;
      setFile(found);
      if (!found || !/^image\/(png|jpeg|gif|webp|avif)$/.test(found.type)) return;
      const answer = await fetchWithToken(toSentFileUrl(id));
      if (!answer.ok || isOver) return;
      made = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: found.type }));
      setPicture(made);
    };
    look().catch(() => {}); // on failure, the name from the log is shown
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [id]);
  const name = file?.name ?? id.split('/').at(-1) ?? id;
  if (picture !== undefined) return <img class="sent-picture round" src={picture} alt={name} />;
  return (
    <p class="row attachment small-text">
      <Icon name="file" size={14} />{' '}
      {file ? (
        <button
          type="button"
          class="link"
          onClick={() => void tryOrNotify(t('files.notDownloaded'), () => downloadFile(toSentFileUrl(id), name))}
        >
          {name}
        </button>
      ) : (
        name
      )}
    </p>
  );
}
