import { expect, test } from 'vitest';
import type { DesktopStatus } from '../../../../src/sandboxes/client/client.ts';
import { DesktopFactTracker } from '../../../../src/sessions/run/desktop-facts.ts';

const status = (state: DesktopStatus['state'], more: Partial<DesktopStatus> = {}): DesktopStatus => ({
  state,
  browser: 'stopped',
  width: 1280,
  height: 800,
  restarts: { display: 0, browser: 0 },
  ...more,
});
const kinds = (news: DesktopFactTracker, ...seen: DesktopStatus[]) =>
  seen.flatMap((it) => news.saw(it).map(({ kind }) => kind));

test('a desktop that starts and stops is reported once each time, however often it is read', () => {
  const [stopped, starting, running] = [status('stopped'), status('starting'), status('running')];
  const seen = [stopped, starting, running, running, stopped, stopped, running];
  expect(kinds(new DesktopFactTracker(), ...seen)).toEqual(['started', 'stopped', 'started']);
});

test('a restart of the display or of the browser is reported with its reason', () => {
  const news = new DesktopFactTracker();
  news.saw(status('running'));
  const killed = { restarts: { display: 0, browser: 1 }, lastFailure: 'chromium ended with SIGKILL' };
  expect(news.saw(status('running', killed))).toEqual([{ kind: 'restarted', detail: 'chromium ended with SIGKILL' }]);
  expect(news.saw(status('running', killed))).toEqual([]);
  const both = { restarts: { display: 1, browser: 1 }, lastFailure: 'x'.repeat(1_000) };
  expect(news.saw(status('starting', both))).toEqual([{ kind: 'restarted', detail: 'x'.repeat(300) }]);
  expect(news.saw(status('running', both))).toEqual([]);
});

test('a desktop that existed before is not reported; what happens to it then is', () => {
  const news = new DesktopFactTracker();
  news.begin(status('running', { restarts: { display: 2, browser: 3 } }));
  expect(kinds(news, status('running', { restarts: { display: 2, browser: 3 } }))).toEqual([]);
  expect(kinds(news, status('running', { restarts: { display: 3, browser: 3 } }))).toEqual(['restarted']);
});
