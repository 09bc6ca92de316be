import { PassThrough } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { KubeApi } from '../../../../drivers/kubernetes/api/api.ts';
import { openCollection } from '../../../../drivers/kubernetes/api/collection.ts';
import { essence, PodTable } from '../../../../drivers/kubernetes/pods/pod-table.ts';
import { watchObjects } from '../../../../drivers/kubernetes/pods/pod-watch.ts';
import type { Clock } from '../../../../src/core/contracts/clock.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const pod = (uid: string, resourceVersion: number, phase = 'Running'): V1Pod => ({
  metadata: { name: uid, uid, resourceVersion: String(resourceVersion) },
  status: { phase },
});

const watchOf = (api: KubeApi, clock: Clock) =>
  watchObjects({
    api,
    objects: openCollection<V1Pod>(api, '', 'pods'),
    selector: '',
    keep: (it) => it,
    clock,
    random: () => 0,
    onTrouble: undefined,
  });

/** An API server with one pod, whose watch says nothing. */
function silentServer() {
  const server = {
    items: [pod('a', 1)],
    lists: 0,
    streams: 0,
    api: {
      ask: async () => {
        server.lists += 1;
        return { items: server.items, metadata: { resourceVersion: String(10 * server.lists) } };
      },
      stream: async (_request: unknown, signal: AbortSignal) => {
        const stream = new PassThrough();
        signal.addEventListener('abort', () => stream.destroy());
        server.streams += 1;
        return stream;
      },
    } as unknown as KubeApi,
  };
  return server;
}

test('F047 a list within 30 s reports what a silent watch missed', async () => {
  const clock = manualClock();
  const server = silentServer();
  await using watch = watchOf(server.api, clock);
  const received: (string | undefined)[] = [];
  using _following = watch.follow(pod('a', 1), (now) => received.push(now?.status?.phase));
  await expect.poll(() => server.streams).toBe(1);
  server.items = []; // without an event of the watch
  clock.advance(29_000);
  await expect.poll(() => received).toEqual(['Running', undefined]);
  await expect.poll(() => server.streams).toBe(2);
});

test('a list that the driver asks for postpones the list of the watch, and reports what the watch missed', async () => {
  const clock = manualClock();
  const server = silentServer();
  await using watch = watchOf(server.api, clock);
  const received: (string | undefined)[] = [];
  using _following = watch.follow(pod('a', 1), (now) => received.push(now?.status?.phase));
  await expect.poll(() => server.lists).toBe(1);
  for (let n = 0; n < 6; n++) {
    clock.advance(10_000);
    if (n === 5) server.items = [];
    await watch.list(new AbortController().signal);
  }
  expect([server.lists, received]).toEqual([7, ['Running', undefined]]);
});

test('a long list is read in pages of one version, and only a pod that no page has is gone', async () => {
  const requests: string[] = [];
  const pages = [
    { items: [pod('a', 1)], metadata: { resourceVersion: '10', continue: 'more/2' } },
    { items: [pod('b', 2)], metadata: { resourceVersion: '10' } },
  ];
  const api = { ask: async ({ path }: { path: string }) => pages[requests.push(path) - 1] } as unknown as KubeApi;
  const clock = manualClock();
  await using watch = watchObjects({
    api,
    objects: openCollection<V1Pod>(api, '/pods', 'pods'),
    selector: 's',
    keep: essence,
    clock,
    random: () => 0,
    onTrouble: undefined,
  });
  const found = await watch.list(new AbortController().signal);
  expect(found.map(({ metadata }) => metadata?.uid)).toEqual(['a', 'b']);
  expect(requests).toEqual(['/pods?labelSelector=s&limit=500', '/pods?labelSelector=s&limit=500&continue=more%2F2']);
});

test('a pod is kept without the parts that nobody reads', () => {
  const table = new PodTable(essence, () => {});
  const { metadata, status } = pod('a', 1);
  const managedFields = [{ manager: 'kubelet' }];
  table.seen({
    status,
    metadata: { ...metadata, managedFields },
    spec: { containers: [{ name: 'sandbox' }] },
  } as V1Pod);
  expect(table.get('a')).toEqual({ status, metadata, spec: { containers: [] } });
});
