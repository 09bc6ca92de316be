import type { Duplex } from 'node:stream';
import type { DaemonTrust } from './answers/daemon-trust.ts';
import { validateInTurn } from './answers/validate-answer.ts';
import type { DesktopClient } from './client.ts';
import { directScreen } from './direct-screen.ts';
import type { DaemonRequest, requester } from './request.ts';
import { screenStream } from './screen-stream.ts';

type Retry = <Result>(signal: AbortSignal, call: () => Promise<Result>) => Promise<Result>;
type DaemonRequester = ReturnType<typeof requester> & {
  readonly trust: DaemonTrust;
  /** Dials the display without the daemon; absent: only the daemon reaches it. */
  readonly screen?: () => Promise<Duplex | undefined>;
};

/** A display and a browser start slowly on a busy machine. */
const startMs = 60_000;
/** Typing a long text or holding a key takes long. */
const actMs = 60_000;
/** A 4K screen full of noise is a PNG of 25 MB. */
const maxScreenshotBytes = 32 * 1024 * 1024;

/** The desktop behind the daemon's HTTP API. */
export function desktopClient(
  { json, done, whole, upgrade, trust, screen }: DaemonRequester,
  again: Retry,
): DesktopClient {
  const get = <Name extends 'desktop' | 'pointer'>(
    name: Name,
    path: string,
    signal: AbortSignal,
    timeoutMs = startMs,
  ) => again(signal, () => json(name, { method: 'GET', path, timeoutMs }, signal));
  const post = (ask: Pick<DaemonRequest, 'path' | 'json'>, signal: AbortSignal, timeoutMs = startMs) =>
    done({ method: 'POST', timeoutMs, ...ask }, signal);
  const stream = (path: string, signal: AbortSignal): Promise<Duplex> =>
    again(signal, () => upgrade({ method: 'GET', path, timeoutMs: startMs }, signal));

  const start = (signal: AbortSignal) =>
    again(signal, () => json('desktop', { method: 'POST', path: '/desktop/start', timeoutMs: startMs }, signal));
  const direct = async (signal: AbortSignal) =>
    screen && directScreen({ dial: screen, start: () => start(signal), count: () => stream('/desktop/watch', signal) });

  return {
    status: (signal) => get('desktop', '/desktop/status', signal, 10_000),
    start,
    async stop(signal) {
      await again(signal, () => post({ path: '/desktop/stop' }, signal));
    },
    vnc: async (signal) => screenStream((await direct(signal)) ?? (await stream('/desktop/vnc', signal)), trust),
    cdp: (signal) => stream('/desktop/cdp', signal),
    async cdpMessage(bytes) {
      const said = await validateInTurn('cdp', bytes);
      if (said.ok) return { kind: 'message', message: said.value };
      // A page can make an honest browser send too much. Only another program sends text that is not a message.
      if (said.reason === 'too_large' || said.reason === 'too_complex') return { kind: 'too_much' };
      return {
        kind: 'untrusted',
        error: trust.reportViolation({ ...said, reason: 'bad_frame', call: 'GET /desktop/cdp' }),
      };
    },
    async restartBrowser(signal) {
      await post({ path: '/desktop/browser/restart' }, signal);
    },
    async screenshot(signal) {
      const ask: DaemonRequest = { method: 'GET', path: '/desktop/screenshot', timeoutMs: startMs };
      return await again(signal, () => whole(ask, maxScreenshotBytes, signal));
    },
    async act(action, signal) {
      await post({ path: '/desktop/act', json: action }, signal, actMs);
    },
    pointer: (signal) => get('pointer', '/desktop/pointer', signal),
  };
}
