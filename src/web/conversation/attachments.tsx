import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { findAttachmentPath } from '../../core/text/file-names.ts';
import { fetchWithToken } from '../data/server.ts';
import { buildAuthorizationHeaders } from '../data/token.ts';
import { formatBytes } from '../parts/format.ts';
import { IconButton } from '../parts/kit/button.tsx';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { downloadFile } from '../work/files/transfers.ts';

// Draft attachments are uploaded immediately, so that sending does not wait.

interface Attachment {
  readonly key: number;
  readonly name: string;
  readonly size: number;
  /** Thumbnail address. Undefined: the file has no thumbnail. */
  readonly picture: string | undefined;
  /** Upload progress, from 0 to 1. */
  readonly done: number;
  readonly id?: string;
  readonly failed?: string;
  cancel(): void;
}
const pictureTypes = /^image\/(png|jpeg|gif|webp|avif)$/;
const byDraft = signal<ReadonlyMap<string, readonly Attachment[]>>(new Map());
const nameOf = (sessionId: string | undefined) => sessionId ?? 'new';
let nextKey = 0;

export const attachmentsOf = (sessionId: string | undefined): readonly Attachment[] =>
  byDraft.value.get(nameOf(sessionId)) ?? [];

function change(draft: string, to: (all: readonly Attachment[]) => readonly Attachment[]): void {
  byDraft.value = new Map([...byDraft.value, [draft, to(byDraft.value.get(draft) ?? [])]]);
}

/** An undefined `sessionId` means a new session. */
export function addAttachments(sessionId: string | undefined, files: Iterable<File>): void {
  for (const file of files) send(nameOf(sessionId), file);
}

function send(draft: string, file: File): void {
  const key = nextKey++;
  const sending = new XMLHttpRequest(); // fetch does not report upload progress
  const picture = pictureTypes.test(file.type) ? URL.createObjectURL(file) : undefined;
  const attachment = { key, name: file.name, size: file.size, picture, done: 0, cancel: () => sending.abort() };
  change(draft, (all) => [...all, attachment]);
  const update = (to: Partial<Attachment>) =>
    change(draft, (all) => all.map((one) => (one.key === key ? { ...one, ...to } : one)));
  sending.upload.onprogress = ({ loaded, total }) => update({ done: total > 0 ? loaded / total : 0 });
  sending.onload = () => {
    // null if the response is not JSON
    const { data, msg }: { data?: { file_id?: string } | null; msg?: string } = sending.response ?? {};
    update(data?.file_id ? { done: 1, id: data.file_id } : { failed: msg ?? `${sending.status}` });
  };
  sending.onerror = () => update({ failed: t('uploadBroke') });
  sending.open('POST', '/api/v1/files');
  sending.responseType = 'json';
  for (const [name, value] of Object.entries(buildAuthorizationHeaders())) sending.setRequestHeader(name, value);
  const form = new FormData();
  form.append('file', file);
  sending.send(form);
}

/** Without `key`, removes all of the draft's attachments. A sent message keeps its files. */
export function removeAttachments(sessionId: string | undefined, key?: number): void {
  const isMeant = (one: Attachment) => key === undefined || one.key === key;
  for (const one of attachmentsOf(sessionId).filter(isMeant)) {
    one.cancel();
    if (one.picture !== undefined) URL.revokeObjectURL(one.picture);
  }
  change(nameOf(sessionId), (all) => all.filter((one) => !isMeant(one)));
}

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

const isUpload = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
async function readSentFile(id: string) {
  if (!isUpload.test(id)) return undefined;
  const answer = await fetchWithToken(`/api/v1/files/${id}/info`);
  if (!answer.ok) return undefined;
  const { data } = (await answer.json()) as { data: { filename: string; content_type: string | null; size: number } };
  return { id, name: data.filename, size: data.size, type: data.content_type ?? '' };
}
const toSentFileUrl = (id: string): string => `/api/v1/files/${id}/download`;

export function SentAttachment({ id }: { id: string }) {
  const [file, setFile] = useState<Awaited<ReturnType<typeof readSentFile>>>();
  const [picture, setPicture] = useState<string>();
  useEffect(() => {
    let made: string | undefined;
    let isOver = false;
    const look = async () => {
      const found = await readSentFile(id);
      if (isOver) return;
      setFile(found);
      if (!found || !pictureTypes.test(found.type)) return;
      const answer = await fetchWithToken(toSentFileUrl(id));
      if (!answer.ok || isOver) return;
      made = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: found.type }));
      setPicture(made);
    };
    look().catch(() => {});
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [id]);
  const name = file?.name ?? id.split('/').at(-1) ?? id;
  const path = file && findAttachmentPath(file);
  const place = path !== undefined && (
    <span class="row">
      <code class="cut quiet" title={path}>
        {path}
      </code>
      <CopyButton text={path} label={t('attach.copyPath')} />
    </span>
  );
  if (picture !== undefined)
    return (
      <>
        <img class="sent-picture round" src={picture} alt={name} />
        {place && <p class="row wrap attachment small-text">{place}</p>}
      </>
    );
  return (
    <p class="row wrap attachment small-text">
      <span class="row">
        <Icon name="file" size={14} />
        {file ? (
          <button
            type="button"
            class="link"
            onClick={() => void tryOrNotify(t('files.notDownloaded'), () => downloadFile(toSentFileUrl(id), name))}
          >
            {name}
          </button>
        ) : (
          <span title={id}>{name}</span>
        )}
      </span>
      {place}
    </p>
  );
}
