import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../../core/errors/errors.ts';
import type { FileSystemClient, FileTransferClient, WorkspaceClient } from '../abilities.ts';
import type { VersionCheck } from '../daemon-version.ts';
import { type DaemonRequest, toFileRangeQuery, toQueryString } from '../request.ts';
import type { DaemonRequester, Retry } from './job-client.ts';

const slowMs = 60_000;
const anySize = Number.MAX_SAFE_INTEGER;

export function createFileSystemClient(
  { json, done, file, sending }: DaemonRequester,
  again: Retry,
  since: VersionCheck,
): FileSystemClient {
  return {
    stat: (path, signal, options) => {
      const requested = toQueryString({ path, ...(options?.metadata && { metadata: 'true' }) });
      return again(signal, () => json('pathEntry', { method: 'GET', path: `/paths/entry?${requested}` }, signal));
    },
    list: (path, { depth, metadata = false }, signal) => {
      const requested = toQueryString({ path, depth: String(depth), ...(metadata && { metadata: 'true' }) });
      const ask: DaemonRequest = { method: 'GET', path: `/paths/list?${requested}`, timeoutMs: slowMs };
      return again(signal, () => json('pathEntries', ask, signal));
    },
    makeFolder: (path, signal) => json('pathEntry', { method: 'POST', path: '/paths/folder', json: { path } }, signal),
    move: (from, to, signal) => {
      const ask: DaemonRequest = { method: 'POST', path: '/paths/move', json: { from, to }, timeoutMs: slowMs };
      return json('pathEntry', ask, signal);
    },
    async remove(path, signal) {
      await done({ method: 'DELETE', path: `/paths/entry?${toQueryString({ path })}`, timeoutMs: slowMs }, signal);
    },
    open: (path, signal, part = {}) => {
      const requested = toQueryString({ path, ...toFileRangeQuery(part) });
      return file({ method: 'GET', path: `/paths/content?${requested}` }, part.most ?? anySize, signal);
    },
    async write(path, content, signal, metadata = {}) {
      if (Object.keys(metadata).length === 0) {
        const ask = { method: 'PUT', path: `/paths/content?${toQueryString({ path })}`, body: content } as const;
        return await sending('pathEntry', ask, signal);
      }
      if (!(await since('1.7', signal))) {
        throw new AppError('unsupported', 'The image of this sandbox does not support file metadata. Rebuild it.');
      }
      const head = Buffer.from(JSON.stringify(metadata));
      const requested = toQueryString({ path, metadataBytes: String(head.length) });
      const body = behind(head, content);
      return await sending('pathEntry', { method: 'PUT', path: `/paths/content?${requested}`, body }, signal);
    },
  };
}

function behind(head: Buffer, content: AsyncIterable<Uint8Array>): Readable {
  const whole = new PassThrough();
  whole.write(head);
  pipeline(content, whole).catch(() => {}); // the stream's reader gets the error
  return whole;
}

export function createFileTransferClient({ file, sending }: DaemonRequester, since: VersionCheck): FileTransferClient {
  return {
    areSupported: (signal) => since('1.1', signal),
    open: (path, part, signal) =>
      file(
        { method: 'GET', path: `/files/stream?${toQueryString({ path, ...toFileRangeQuery(part) })}` },
        anySize,
        signal,
      ),
    write(path, content, { replaces }, signal) {
      const requested = toQueryString({ path, ...(replaces !== undefined && { replaces }) });
      const ask: DaemonRequest & { body: typeof content } = {
        method: 'PUT',
        path: `/files/stream?${requested}`,
        body: content,
      };
      return sending('fileVersion', ask, signal);
    },
  };
}

export function createWorkspaceClient(
  { json }: Pick<DaemonRequester, 'json'>,
  again: Retry,
  since: VersionCheck,
): WorkspaceClient {
  return {
    async keep(mark, signal) {
      if (!(await since('1.2', signal))) return false;
      const ask = { method: 'POST', path: '/workspace/kept', json: mark } as const;
      return (await again(signal, () => json('kept', ask, signal))).done;
    },
    async print(signal) {
      if (!(await since('1.2', signal))) return undefined;
      const ask = { method: 'GET', path: '/workspace/print' } as const;
      const { print, bytes } = await again(signal, () => json('print', ask, signal));
      return print === undefined || bytes === undefined ? undefined : { print, bytes };
    },
  };
}
