import type { PathClient } from '../abilities.ts';
import { partValues, query } from '../query.ts';
import type { DaemonRequest } from '../request.ts';
import type { DaemonRequester, Retry } from './job-client.ts';

const slowMs = 60_000;
const anySize = Number.MAX_SAFE_INTEGER;

/** The files at any path, behind the daemon's HTTP API. */
export function pathClient({ json, done, file, sending }: DaemonRequester, again: Retry): PathClient {
  return {
    stat: (path, signal) =>
      again(signal, () => json('pathEntry', { method: 'GET', path: `/paths/entry?${query({ path })}` }, signal)),
    list: (path, depth, signal) => {
      const asked = query({ path, depth: String(depth) });
      const ask: DaemonRequest = { method: 'GET', path: `/paths/list?${asked}`, timeoutMs: slowMs };
      return again(signal, () => json('pathEntries', ask, signal));
    },
    makeFolder: (path, signal) => json('pathEntry', { method: 'POST', path: '/paths/folder', json: { path } }, signal),
    move: (from, to, signal) => {
      const ask: DaemonRequest = { method: 'POST', path: '/paths/move', json: { from, to }, timeoutMs: slowMs };
      return json('pathEntry', ask, signal);
    },
    async remove(path, signal) {
      await done({ method: 'DELETE', path: `/paths/entry?${query({ path })}`, timeoutMs: slowMs }, signal);
    },
    open: (path, signal, part = {}) => {
      const asked = query({ path, ...partValues(part) });
      return file({ method: 'GET', path: `/paths/content?${asked}` }, part.most ?? anySize, signal);
    },
    write: (path, content, signal) =>
      sending('pathEntry', { method: 'PUT', path: `/paths/content?${query({ path })}`, body: content }, signal),
  };
}
