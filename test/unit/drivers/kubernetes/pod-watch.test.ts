import { PassThrough } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { KubeApi } from '../../../../drivers/kubernetes/api/api.ts';
import { createObjectTable, openKubeObjects } from '../../../../drivers/kubernetes/api/objects.ts';
import { trimPod } from '../../../../drivers/kubernetes/pods/pod-state.ts';
import type { Clock } from '../../../../src/core/contracts/clock.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const pod = (uid: string, resourceVersion: number, phase = 'Running'): V1Pod => ({
  metadata: { name: uid, uid, resourceVersion: String(resourceVersion) },
  status: { phase },
});

const watchOf = (api: KubeApi, clock: Clock) =>
  openKubeObjects<V1Pod>(
    { api, clock, random: () => 0, onTrouble: undefined },
    { path: '', what: 'pods', selector: {}, keep: trimPod },
  );

/** An API server with one pod, whose watches report only what the next watch missed. */
function silentServer() {
  const server = {
    items: [pod('a', 1)],
    lists: 0,
    streams: [] as (string | null)[],
    missed: [] as object[],
    api: {
      ask: async () => {
        server.lists += 1;
        return { items: server.items, metadata: { resourceVersion: String(10 * server.lists) } };
      },
      stream: async ({ path }: { path: string }, signal: AbortSignal) => {
        const stream = new PassThrough();
        signal.addEventListener('abort', () => stream.destroy());
        server.streams.push(new URLSearchParams(path.split('?')[1]).get('resourceVersion'));
        for (const event of server.missed) stream.write(`${JSON.stringify(event)}\n`);
        return stream;
      },
    } as unknown as KubeApi,
  };
  return server;
}

test('F047 a watch that falls silent is opened again within 30 s and delivers what it missed, without a list', async () => {
  const clock = manualClock();
  const server = silentServer();
  await using watch = watchOf(server.api, clock);
  const received: (string | undefined)[] = [];
  using _following = watch.follow(pod('a', 1), (now) => received.push(now?.status?.phase));
  await expect.poll(() => server.streams).toEqual(['10']);
  server.missed = [{ type: 'DELETED', object: pod('a', 12) }];
  clock.advance(29_000);
  await expect
    .poll(() => {
      clock.advance(100);
      return received;
    })
    .toEqual(['Running', undefined]);
  expect([server.streams, server.lists]).toEqual([['10', '10'], 1]);
});

test('an open watch answers lists from memory, with what this server wrote; a broken one does not', async () => {
  const clock = manualClock();
  const server = silentServer();
  await using watch = watchOf(server.api, clock);
  const { signal } = new AbortController();
  const names = async () => (await watch.list(signal)).map(({ metadata }) => metadata?.name);
  expect([await names(), server.lists]).toEqual([['a'], 1]);
  await expect.poll(() => server.streams).toHaveLength(1);
  watch.seen(pod('b', 30));
  watch.deleted(pod('a', 1));
  expect([await names(), server.lists]).toEqual([['b'], 1]);
  server.api.stream = () => Promise.reject(new Error('the API server is away'));
  clock.advance(29_000);
  server.items = [pod('c', 40)];
  await expect.poll(names).toContain('c');
});

test('a long list is read in pages of one version, and only a pod that no page has is gone', async () => {
  const requests: string[] = [];
  const pages = [
    { items: [pod('a', 1)], metadata: { resourceVersion: '10', continue: 'more/2' } },
    { items: [pod('b', 2)], metadata: { resourceVersion: '10' } },
  ];
  const api = { ask: async ({ path }: { path: string }) => pages[requests.push(path) - 1] } as unknown as KubeApi;
  const clock = manualClock();
  await using watch = openKubeObjects<V1Pod>(
    { api, clock, random: () => 0, onTrouble: undefined },
    { path: '/pods', what: 'pods', selector: { labelSelector: 's' } },
  );
  const found = await watch.list(new AbortController().signal);
  expect(found.map(({ metadata }) => metadata?.uid)).toEqual(['a', 'b']);
  expect(requests).toEqual(['/pods?labelSelector=s&limit=500', '/pods?labelSelector=s&limit=500&continue=more%2F2']);
});

test('a pod is kept without the parts that nobody reads', async () => {
  const server = silentServer();
  const { metadata, status } = pod('a', 1);
  const managedFields = [{ manager: 'kubelet' }];
  server.items = [
    { status, metadata: { ...metadata, managedFields }, spec: { containers: [{ name: 'sandbox' }] } } as V1Pod,
  ];
  await using watch = watchOf(server.api, manualClock());
  await watch.list(new AbortController().signal);
  expect(watch.known()).toEqual([{ status, metadata, spec: { containers: [] } }]);
});

test('F048 a late or repeated event changes nothing, and a deleted object that matches the selector again is back', () => {
  const table = createObjectTable<V1Pod>(
    (it) => it,
    () => {},
  );
  const sizes = [pod('a', 1), pod('a', 2), pod('a', 4)].map((it, n) => {
    if (n === 1) table.deleted(pod('a', 3), 3);
    table.seen(it);
    return table.all().length;
  });
  table.deleted(pod('a', 4));
  table.seen(pod('a', 5));
  expect([...sizes, table.all().length]).toEqual([1, 0, 1, 0]);
  for (const it of [pod('b', 7, 'Running'), pod('b', 7, 'Running'), pod('b', 6, 'Pending')]) table.seen(it);
  expect(table.get('b')?.status?.phase).toBe('Running');
});
