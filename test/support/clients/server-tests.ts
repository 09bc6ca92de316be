import { test } from 'vitest';
import { testServer } from './http.ts';
import { opencodexServer } from './opencodex.ts';
import { trpcServer } from './trpc.ts';

// Tests of one facade server over the fake core, which they get as `server`.
export const serverTest = <Server extends AsyncDisposable>(open: () => Promise<Server>) =>
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads which fixtures this one needs
  test.extend('server', async ({}, { onCleanup }) => {
    const server = await open();
    onCleanup(() => server[Symbol.asyncDispose]());
    return server;
  });
export const httpTest = serverTest(() => testServer());
export const trpcTest = serverTest(() => trpcServer());
export const opencodexTest = serverTest(() => opencodexServer()).extend('sid', ({ server }) => server.newChat());
