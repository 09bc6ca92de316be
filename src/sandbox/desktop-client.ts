import type { DesktopClient, DesktopStatus } from './client.ts';
import type { Ask, requester } from './request.ts';

type Again = <Result>(signal: AbortSignal, call: () => Promise<Result>) => Promise<Result>;

/** A display and a browser take their time to start, on a busy machine. */
const startMs = 60_000;
/** Typing a long text, or holding a key. */
const actMs = 60_000;
/** A screen of 4K that shows nothing but noise is 25 MB. */
const maxScreenshotBytes = 64 * 1024 * 1024;

/** The desktop behind the daemon's HTTP API. */
export function desktopClient({ json, whole, upgrade }: ReturnType<typeof requester>, again: Again): DesktopClient {
  const get = <Result>(path: string, signal: AbortSignal, timeoutMs = startMs) =>
    again(signal, () => json<Result>({ method: 'GET', path, timeoutMs }, signal));
  const post = <Result>(ask: Pick<Ask, 'path' | 'json'>, signal: AbortSignal, timeoutMs = startMs) =>
    json<Result>({ method: 'POST', timeoutMs, ...ask }, signal);
  const stream = (path: string, signal: AbortSignal) =>
    again(signal, () => upgrade({ method: 'GET', path, timeoutMs: startMs }, signal));

  return {
    status: (signal) => get<DesktopStatus>('/desktop/status', signal, 10_000),
    start: (signal) => again(signal, () => post<DesktopStatus>({ path: '/desktop/start' }, signal)),
    async stop(signal) {
      await again(signal, () => post({ path: '/desktop/stop' }, signal));
    },
    vnc: (signal) => stream('/desktop/vnc', signal),
    cdp: (signal) => stream('/desktop/cdp', signal),
    async restartBrowser(signal) {
      await post({ path: '/desktop/browser/restart' }, signal);
    },
    async screenshot(signal) {
      const ask: Ask = { method: 'GET', path: '/desktop/screenshot', timeoutMs: startMs };
      return await again(signal, () => whole(ask, maxScreenshotBytes, signal));
    },
    async act(action, signal) {
      await post({ path: '/desktop/act', json: action }, signal, actMs);
    },
    pointer: (signal) => get('/desktop/pointer', signal),
  };
}
