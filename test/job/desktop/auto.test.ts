// @module-tag nightly
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, type TestContext, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { browse } from '../../support/clients/browser.ts';
import { dockerHost } from '../../support/sandboxes/docker.ts';
import { engineProxy } from '../../support/sandboxes/engine-proxy.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

// A machine without the image of desktops is an engine behind a proxy that hides the image until its build has ended.
const desktopImage = /images\/corral\/sandbox-desktop:/;
const anyImage = /images\/corral\/sandbox/;
const patience = { interval: 100 };
const passing = ['python3', join(import.meta.dirname, '../../support/terminals/on-passed-terminal.py')] as const;

async function withoutImage(context: TestContext, hidden: RegExp) {
  await needs(context, 'docker');
  const proxy = await engineProxy(dockerHost);
  const finish = Promise.withResolvers<void>();
  let asked = 0;
  const build = async (response: ServerResponse) => {
    asked += 1;
    const line = (stream: string) => response.write(`${JSON.stringify({ stream })}\r\n`);
    response.writeHead(200, { 'content-type': 'application/json' });
    line('Step 1/3 : FROM debian\n');
    await sleep(300);
    line('Step 2/3 : RUN apt-get install chromium\n');
    await finish.promise; // a long step writes nothing that is shown
    proxy.calm();
    line('Step 3/3 : COPY sandboxd.mjs /\n');
    response.end();
  };
  proxy.cause(hidden, 404);
  proxy.cause(/POST .*\/build\?/, build);
  return { proxy, finish: finish.resolve, builds: () => asked };
}

const detailed = async (url: string) => {
  const { checks } = (await (await fetch(`${url}/health/detailed`)).json()) as {
    checks: { sandbox: { desktop?: { state: string; detail?: string } } };
  };
  return checks.sandbox.desktop;
};

test('sessions start at once without a desktop, and take one on request once its image is built', async (context) => {
  const { proxy, finish } = await withoutImage(context, desktopImage);
  await using _proxy = proxy;
  const settings = { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'auto', CORRAL_EGRESS_POLICY: 'none' };
  await using server = await serverProcess({ ...settings, CORRAL_SANDBOX_MEMORY: '2GiB', DOCKER_HOST: proxy.host });
  using corral = createCorralClient({ url: server.url, transport: 'ws' });
  const { id: sessionId } = await corral.sessions.create.mutate();
  const exec = async (command: string) => (await corral.sandbox.exec.mutate({ sessionId, command })).stdout.trim();
  await exec('echo kept > note.txt');

  // While the image is built
  await expect
    .poll(() => detailed(server.url), patience)
    .toMatchObject({
      state: 'building',
      detail: 'layer 2 of 3: RUN apt-get install chromium',
    });
  expect(await corral.desktop.status.query({ sessionId })).toMatchObject({
    state: 'unsupported',
    offer: { state: 'building', detail: expect.stringContaining('layer 2 of 3') },
  });
  await expect(corral.desktop.add.mutate({ sessionId })).rejects.toThrow('is being built');
  await expect(corral.sessions.create.mutate({ template: 'computer_use' })).rejects.toThrow('is being built');
  expect(server.output()).toContain('images of sandboxes: image: Building corral/sandbox-desktop:');

  // Once it is there
  finish();
  await expect.poll(() => detailed(server.url), patience).toEqual({ state: 'ready' });
  expect(server.output()).toContain('images of sandboxes: ready: new sessions have a desktop after');
  const { id: next } = await corral.sessions.create.mutate();
  expect(await corral.desktop.start.mutate({ sessionId: next })).toMatchObject({ state: 'running' });
  expect(await corral.desktop.status.query({ sessionId })).toMatchObject({
    state: 'unsupported',
    offer: { state: 'ready' },
  });
  await expect(corral.desktop.start.mutate({ sessionId })).rejects.toThrow('corral desktop <session> --add');
  expect(await corral.desktop.add.mutate({ sessionId })).toMatchObject({ state: 'running' });
  expect(await exec('cat note.txt; ls /usr/bin/chromium')).toBe('kept\n/usr/bin/chromium');
  for (const id of [sessionId, next]) await corral.sessions.delete.mutate({ id });
});

/** The moments, in ms after the first look, at which the text changed. */
function changesOf(look: () => string | Promise<string>) {
  const began = performance.now();
  const moves: number[] = [];
  let seen: string | undefined;
  const looking = setInterval(async () => {
    const now = await look();
    if (seen !== undefined && now !== seen) moves.push(performance.now() - began);
    seen = now;
  }, 50);
  return {
    /** The first change, and the longest time without one. */
    end: () => {
      clearInterval(looking);
      return { first: moves[0], longest: Math.max(...moves.map((at, index) => at - (moves[index - 1] ?? 0))) };
    },
  };
}

test('on a machine without images terminal and page show a line within 2 s that never stands still for 5 s', async (context) => {
  const { proxy, finish, builds } = await withoutImage(context, anyImage);
  await using _proxy = proxy;
  const settings = { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'auto', CORRAL_EGRESS_POLICY: 'none' };
  const env = { ...settings, DOCKER_HOST: proxy.host, TERM: 'xterm-256color' };
  await using server = await serverProcess(env, () => passing);
  using corral = createCorralClient({ url: server.url, transport: 'ws' });
  const { page } = await browse(context, { width: 1024, height: 768 });
  await page.goto(server.url);
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  const began = performance.now();
  const { id } = await corral.sessions.create.mutate();
  const terminal = changesOf(server.output);
  await page.evaluate(`location.hash = '${id}'`);
  const shown = changesOf(() => page.evaluate<string>("document.querySelector('.phase')?.textContent ?? ''"));
  const isLine = /sandbox [0-9a-f]{16}: image: layer 2 of 3: RUN apt-get install chromium( \(and 1 more\))?, \d+\.\d s/;
  await expect.poll(server.output, patience).toMatch(isLine);
  await page.locator('.phase').filter({ hasText: 'layer 2 of 3: RUN apt-get install chromium' }).waitFor();
  await expect.poll(() => performance.now() - began, patience).toBeGreaterThan(9_000);
  expect(builds()).toBe(1); // the session waits for the build that the server had begun
  const found = { terminal: terminal.end(), page: shown.end() };
  finish();
  await expect.poll(server.output, patience).toMatch(/sandbox [0-9a-f]{16}: ready after/);
  context.annotate(JSON.stringify(found));
  for (const { first, longest } of Object.values(found)) {
    expect(first).toBeLessThan(2_000);
    expect(longest).toBeLessThan(5_000);
  }
  await corral.sessions.delete.mutate({ id });
});
