import { signal } from '@preact/signals';
import { fetchWithToken } from '../../data/server.ts';
import { buildAuthorizationHeaders } from '../../data/token.ts';
import { t } from '../../text/text.ts';
import { readFileErrorDetail, toFileUrl } from './store.ts';

export interface FileTransfer {
  readonly key: number;
  readonly sessionId: string;
  readonly name: string;
  /** Upload progress, from 0 to 1. */
  readonly done: number;
  readonly failed?: string;
  cancel(): void;
}
export const fileTransfers = signal<readonly FileTransfer[]>([]);
let nextKey = 0;

const change = (key: number, to: Partial<FileTransfer> | undefined) => {
  fileTransfers.value = fileTransfers.value.flatMap((one) => (one.key !== key ? [one] : to ? [{ ...one, ...to }] : []));
};
export const dismissFileTransfer = (key: number): void => change(key, undefined);

interface UploadRequest {
  readonly sessionId: string;
  readonly path: string;
  readonly file: Blob;
  readonly replaces: boolean;
}

/** Resolves with `exists` if the file already exists and `replaces` is false. */
export function uploadFile({ sessionId, path, file, replaces }: UploadRequest): Promise<'done' | 'exists' | 'failed'> {
  // `fetch` does not report upload progress.
  const sending = new XMLHttpRequest();
  const key = nextKey++;
  fileTransfers.value = [
    ...fileTransfers.value,
    { key, sessionId, name: path, done: 0, cancel: () => sending.abort() },
  ];
  const { promise, resolve } = Promise.withResolvers<'done' | 'exists' | 'failed'>();
  const fail = (failed: string) => {
    change(key, { failed });
    resolve('failed');
  };
  sending.upload.onprogress = ({ loaded, total }) => change(key, { done: total > 0 ? loaded / total : 0 });
  sending.onload = () => {
    if (sending.status === 412) {
      dismissFileTransfer(key);
      return resolve('exists');
    }
    if (sending.status >= 400) return fail(parseDetail(sending.responseText) ?? `${sending.status}`);
    dismissFileTransfer(key);
    return resolve('done');
  };
  sending.onerror = () => fail(t('uploadBroke'));
  sending.onabort = () => {
    dismissFileTransfer(key);
    resolve('failed');
  };
  sending.open('PUT', toFileUrl(sessionId, path));
  for (const [name, value] of Object.entries(buildAuthorizationHeaders())) sending.setRequestHeader(name, value);
  sending.setRequestHeader('content-type', 'application/octet-stream');
  if (!replaces) sending.setRequestHeader('if-none-match', '*');
  sending.send(file);
  return promise;
}

function parseDetail(body: string): string | undefined {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    return undefined;
  }
}

export async function downloadFile(address: string, name: string): Promise<void> {
  const answer = await fetchWithToken(address);
  if (!answer.ok) throw new Error(await readFileErrorDetail(answer));
  saveBlob(await answer.blob(), name);
}

export function saveBlob(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
