// @module-tag all
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import type { DesktopStatus } from '../../../src/sandboxes/client/client.ts';
import type { ComposedCore } from '../../support/servers/composed.ts';
import { replicas } from '../../support/stores/replicas.ts';

const signal = () => AbortSignal.timeout(20_000);
const choice = (viewerId: string) => ({ viewerId, mayControl: true, onControl: () => {} });

/** A screen that only reports its state. */
function fakeDesktop() {
  const status: { -readonly [Key in keyof DesktopStatus]: DesktopStatus[Key] } = {
    state: 'stopped',
    browser: 'stopped',
    width: 1280,
    height: 800,
    restarts: { display: 0, browser: 0 },
  };
  const start = async () => Object.assign(status, { state: 'running' });
  const vnc = async () => {
    await start();
    return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  };
  return { status, desktop: { status: () => ({ ...status }), start, vnc } };
}

async function two() {
  const set = await replicas({ CORRAL_SANDBOX_DESKTOP: 'true' }, { desktop: true });
  const [a, b] = [await set.another(), await set.another()];
  const { id } = await a.core.services.sessions.create({ origin: 'sheikhbox' });
  await a.core.services.files.write(id, 'note.md', 'a is the owner', signal());
  const screen = fakeDesktop();
  const facts = async () =>
    (await set.events(id)).flatMap((event) => (event.type === 'desktop' ? [event.data.kind] : []));
  const controllerAt = (server: ComposedCore) => server.core.services.desktop.status(id).then((it) => it.controller);
  const health = () => ({ version: '1', bootId: '1', idleMs: 0, oomKills: 0, desktop: { ...screen.status } });
  for (const { daemon } of set.backend.boxes.values())
    Object.assign(daemon.daemon, { health, desktop: { ...daemon.daemon.desktop, ...screen.desktop } });
  return { set, a, b, id, screen, facts, controllerAt, [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
}

test('a person at one server blocks the agent at another, and a release gives the agent the keyboard and mouse back', async () => {
  await using it = await two();
  const gate = () => it.a.core.services.desktop.gate(it.id, signal());
  await gate();
  await using viewer = await it.b.core.services.desktop.watch(it.id, choice('at-server-b'), signal());
  expect(viewer.uses('press')).toBe(true);
  await expect.poll(() => it.controllerAt(it.a)).toBe('at-server-b');
  let isOpen = false;
  const waiting = gate().then(() => {
    isOpen = true;
  });
  expect([await it.controllerAt(it.a), isOpen]).toEqual(['at-server-b', false]);
  viewer.giveBack();
  await waiting;
  const reports = ['control_returned', 'control_taken', 'started'];
  await expect.poll(async () => (await it.facts()).toSorted()).toEqual(reports);
});

test('the log records a viewer whose server died once, and each start, restart and stop of a desktop that nobody views', async () => {
  await using it = await two();
  await it.set.store.leases.acquire(`control:${it.id}`, 'viewer@gone', Date.now(), 400);
  const gates = [it.a, it.b].map(({ core }) => core.services.desktop.gate(it.id, signal()));
  expect(await it.controllerAt(it.b)).toBe('viewer');
  await Promise.all(gates);
  await expect.poll(it.facts).toEqual(['control_returned']);
  await it.screen.desktop.start(); // as an agent's tool does; only heartbeats report it
  await expect.poll(it.facts).toEqual(['control_returned', 'started']);
  Object.assign(it.screen.status, { restarts: { display: 0, browser: 1 }, lastFailure: 'chromium ended with SIGKILL' });
  await expect.poll(it.facts).toEqual(['control_returned', 'started', 'restarted']);
  Object.assign(it.screen.status, { state: 'stopped' });
  await expect.poll(it.facts).toEqual(['control_returned', 'started', 'restarted', 'stopped']);
});
