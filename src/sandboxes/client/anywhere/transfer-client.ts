import type { TransferClient } from '../abilities.ts';
import type { VersionCheck } from '../daemon-version.ts';
import { toFilePartQuery, toQueryString } from '../query.ts';
import type { DaemonRequest } from '../request.ts';
import type { DaemonRequester } from './job-client.ts';

const anySize = Number.MAX_SAFE_INTEGER;

export function createTransferClient({ file, sending }: DaemonRequester, since: VersionCheck): TransferClient {
  return {
    areSupported: (signal) => since('1.1', signal),
    open: (path, part, signal) =>
      file(
        { method: 'GET', path: `/files/stream?${toQueryString({ path, ...toFilePartQuery(part) })}` },
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
