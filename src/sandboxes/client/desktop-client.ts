import type { Duplex } from 'node:stream';
import type { DaemonTrust } from './answers/daemon-trust.ts';
import { validateResponseInTurn } from './answers/validate-answer.ts';
import type { DaemonRequester, Retry } from './anywhere/job-client.ts';
import type { DesktopClient } from './client.ts';
import type { DaemonRequest } from './request.ts';

/** Every display sends `RFB 003.008` and a newline. */
const greetingBytes = 12;
const greeting = /^RFB \d{3}\.\d{3}\n$/;
const patienceMs = 10_000;

async function screenStream(stream: Duplex, trust: DaemonTrust): Promise<Duplex> {
  const first = await beginning(stream);
  if (first === undefined || greeting.test(first)) return stream;
  stream.destroy();
  throw trust.reportViolation({
    reason: 'bad_frame',
    call: 'GET /desktop/vnc',
    detail: 'the stream does not begin as RFB does',
  });
}

async function beginning(stream: Duplex): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const look = () => {
    const chunk = stream.read(greetingBytes) as Buffer | null;
    if (!chunk || chunk.length < greetingBytes) return;
    stream.off('readable', look);
    stream.unshift(chunk);
    resolve(chunk.toString('latin1'));
  };
  const give = () => resolve(undefined);
  const timer = setTimeout(give, patienceMs);
  stream.on('readable', look).once('end', give).once('close', give);
  if (stream.destroyed) give();
  const first = await promise;
  clearTimeout(timer);
  stream.off('readable', look).off('end', give).off('close', give);
  return first;
}

interface ScreenPath {
  dial(): Promise<Duplex | undefined>;
  start(): Promise<unknown>;
  /** Registers this viewer with the daemon while the returned stream is open. Rejects: conflict (too many viewers). */
  count(): Promise<Duplex>;
}

const touchMs = 1_000;
const oneByte = Buffer.alloc(1);

/** Undefined if the daemon must relay. The screen's stream closes if the daemon refuses the viewer. */
async function directScreen({ dial, start, count }: ScreenPath): Promise<Duplex | undefined> {
  let screen = await dial();
  if (!screen) {
    await start();
    screen = await dial();
  }
  if (!screen) return undefined;
  void counted(screen, count).catch(() => screen.destroy());
  return screen;
}

async function counted(screen: Duplex, count: () => Promise<Duplex>): Promise<void> {
  const seat = await count();
  let seen = 0;
  const timer = setInterval(() => {
    const { bytesWritten = 0 } = screen as { bytesWritten?: number };
    if (bytesWritten === seen || seat.destroyed) return;
    seen = bytesWritten;
    seat.write(oneByte);
  }, touchMs).unref();
  const leave = () => {
    clearInterval(timer);
    seat.destroy();
  };
  if (screen.destroyed) leave();
  else screen.once('close', leave);
}

type DesktopRequester = DaemonRequester & { readonly screen?: () => Promise<Duplex | undefined> };

/** A display and a browser start slowly on a busy machine. */
const startMs = 60_000;
/** Maximum time in ms: typing long text or holding a key takes a while. */
const actMs = 60_000;
/** A 4K screenshot of pure noise is a PNG of 25 MB. */
const maxScreenshotBytes = 32 * 1024 * 1024;

export function createDesktopClient(
  { json, done, whole, upgrade, trust, screen }: DesktopRequester,
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
      const validationResult = await validateResponseInTurn('cdp', bytes);
      if (validationResult.ok) return { kind: 'message', message: validationResult.value };
      // A page can make an honest browser send too much, but not malformed messages.
      if (validationResult.reason === 'too_large' || validationResult.reason === 'too_complex')
        return { kind: 'too_much' };
      return {
        kind: 'untrusted',
        error: trust.reportViolation({ ...validationResult, reason: 'bad_frame', call: 'GET /desktop/cdp' }),
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
