import RFB from '@novnc/novnc';
import { promptForToken } from '../app/token-dialog.tsx';
import { buildAuthorizationHeaders, buildTokenProtocols } from '../data/token.ts';
import { t } from '../text/text.ts';
import { buildVncUrl, desktopRoute, isInOtherFrame, isInPane, linkSignature } from './address.ts';
import {
  type ControlNotice,
  desktopClipboard,
  desktopControl,
  rfbClient,
  type ScreenOverlay,
  setScreenState,
} from './state.ts';

/** Overlays by WebSocket close code. Only the user can reconnect. */
const final: Readonly<Record<number, ScreenOverlay>> = {
  1000: { key: 'screen.stopped', retry: 'screen.startAgain' },
  1002: { key: 'screen.refused', retry: 'screen.tryAgain' },
  1003: { key: 'screen.refused', retry: 'screen.tryAgain' },
  1011: { key: 'screen.absent', retry: 'screen.tryAgain' },
};
/** Overlays by WebSocket close code, for a missing session. A retry cannot succeed. */
const gone: Readonly<Record<number, ScreenOverlay>> = {
  1008: { key: 'screen.noSession' },
  4410: { key: 'screen.deleted' },
};
/** Text from the relay. The page shows a full sentence instead. */
const absent = 'VNC is not available';

/** Undefined: the page can reconnect by itself. */
function endOf({ code, reason }: CloseEvent, signed: boolean): ScreenOverlay | undefined {
  const detail = reason === '' || reason === absent ? {} : { detail: reason };
  if (signed) return { key: reason === '' ? 'screen.signedEnded' : 'screen.signed', ...detail };
  const known = gone[code] ?? final[code];
  if (known === undefined || detail.detail === undefined) return known;
  return { detail: reason, ...(known.retry !== undefined && { retry: known.retry }) };
}

/** A hidden page disconnects after this many ms, so that the sandbox can become idle. */
const hiddenMs = 5 * 60_000;

/** A viewer that reconnects within this many ms takes control back, unless someone else has taken control. */
const keptMs = 60_000;

let target: HTMLElement | undefined;
let channel: WebSocket | undefined;
let tries = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let keptUntil = 0;
let hiding: ReturnType<typeof setTimeout> | undefined;

export function openScreen(element: HTMLElement): void {
  target = element;
  addEventListener('visibilitychange', followVisibility);
  connect();
}

export function sendControlRequest(type: 'take' | 'give'): void {
  if (channel?.readyState === WebSocket.OPEN) channel.send(JSON.stringify({ type }));
}

/** Hides the relay's text frames from noVNC. */
function takeNotice(event: MessageEvent<ArrayBuffer | string>): void {
  if (typeof event.data !== 'string') return;
  event.stopImmediatePropagation();
  const notice = JSON.parse(event.data) as ControlNotice | { readonly type: 'unknown' };
  if (notice.type !== 'control') return;
  desktopControl.value = notice;
  labelCanvas();
  if (notice.who === 'nobody' && Date.now() < keptUntil) takeBack();
  keptUntil = 0;
}

export function reconnectScreen(): void {
  tries = 0;
  connect();
}

function connect(): void {
  clearTimeout(timer);
  if (!target || rfbClient.value || document.hidden) return;
  setScreenState('pending', { key: 'desktop.starting' });
  const offered = ['binary', ...(linkSignature ? [] : buildTokenProtocols().slice(1))];
  channel = new WebSocket(buildVncUrl(), offered);
  channel.addEventListener('message', takeNotice); // runs before noVNC's listener
  const made = new RFB(target, channel, { shared: true });
  channel.addEventListener('close', (event) => void ended(event)); // runs after noVNC's listener
  made.background = 'transparent';
  made.focusOnClick = true;
  made.addEventListener('connect', () => {
    tries = 0;
    setScreenState('live');
    labelCanvas();
  });
  made.addEventListener('desktopname', ({ detail }) => {
    document.title = `${detail.name || t('screen.title')} · Corral`;
  });
  made.addEventListener('clipboard', ({ detail }) => {
    if (desktopControl.value.clipboard) desktopClipboard.value = detail.text;
  });
  rfbClient.value = made;
}

/** The canvas captures all keys. In a frame, Tab reaches it only while this user is in control. */
function labelCanvas(): void {
  const canvas = target?.querySelector('canvas');
  if (!canvas) return;
  canvas.tabIndex = isInOtherFrame || (isInPane && desktopControl.value.who !== 'you') ? -1 : 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', t('desktop.title'));
  canvas.setAttribute('aria-describedby', 'hint');
}

function takeBack(): void {
  sendControlRequest('take');
  if (document.activeElement === document.body) rfbClient.value?.focus();
}

async function ended(event: CloseEvent): Promise<void> {
  rfbClient.value = undefined;
  channel = undefined;
  const isLost = event.code !== 1000 && !document.hidden;
  if (isLost && desktopControl.value.who === 'you') keptUntil = Date.now() + keptMs;
  desktopControl.value = { ...desktopControl.value, who: 'nobody', mayControl: false };
  if (document.hidden) return setScreenState('waiting', { key: 'screen.paused', retry: 'screen.connectAgain' });
  const end = endOf(event, linkSignature !== null);
  if (end) return setScreenState('failed', end);
  if (await needsToken()) return;
  const waitMs = Math.min(10_000, 500 * 2 ** tries++) * (0.75 + Math.random() / 2);
  const detail = event.reason === '' ? {} : { detail: event.reason };
  const key = event.reason === '' ? 'screen.lost' : 'screen.again';
  setScreenState('waiting', { ...detail, key, seconds: Math.ceil(waitMs / 1_000), retry: 'screen.tryNow' });
  timer = setTimeout(connect, waitMs);
}

/** Uses an ordinary request, because browsers hide why an upgrade was refused. */
async function needsToken(): Promise<boolean> {
  const headers = buildAuthorizationHeaders();
  const answer = await fetch(desktopRoute, { headers }).catch(() => undefined);
  if (answer?.status !== 401 || isInOtherFrame) return false;
  setScreenState('failed', { key: 'screen.needsToken', retry: 'screen.tryAgain' });
  void promptForToken('authorization' in headers).then(connect);
  return true;
}

function followVisibility(): void {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => channel?.close(), hiddenMs);
  else if (!rfbClient.value) connect();
}
