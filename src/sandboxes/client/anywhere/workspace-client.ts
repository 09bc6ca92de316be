import type { WorkspaceClient } from '../abilities.ts';
import type { VersionCheck } from '../daemon-version.ts';
import type { DaemonRequester, Retry } from './job-client.ts';

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
