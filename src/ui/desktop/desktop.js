import { Channel } from './desktop-channel.js';
import { typeInto } from './desktop-keys.js';
import { byId } from './dom.js';
import RFB from './novnc/core/rfb.js';
import { authorization, protocols, takeToken } from './token.js';
import { askToken } from './token-dialog.js';

const session = /^\/sessions\/([^/]+)\/desktop/.exec(location.pathname)?.[1] ?? '';
const api = `/api/v1/sessions/${session}`;
/** The work pane shows this page with its controls; any other frame only shows the screen. */
const inPane = new URLSearchParams(location.search).has('pane');
const framed = window.parent !== window && !inPane;
// A connection without a token: the link's creator decided what the viewer may do.
const signature = new URLSearchParams(location.hash.slice(1)).get('signature');
const viewer =
  `page-${[...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join('')}`.slice(0, 40);
/** A hidden page disconnects after this time, so that the sandbox can become idle. */
const hiddenMs = 5 * 60_000;

let token = takeToken();
let rfb;
let channel;
let tries = 0;
let timer;
let hiding;
let control = { who: 'nobody', mayControl: false, clipboard: false };

const screen = byId('screen');
const viewOnly = byId('view-only');
const stateTexts = { pending: 'Connecting…', completed: 'Live', waiting: 'Trying again…', failed: 'Not connected' };

/** `cover` is the text over the screen; undefined while the screen is live. */
function show(status, cover, retryText) {
  const chip = byId('state');
  chip.dataset.status = status;
  chip.textContent = stateTexts[status];
  byId('cover').hidden = cover === undefined;
  if (cover !== undefined) byId('message').textContent = cover;
  byId('again').hidden = retryText === undefined;
  byId('again').textContent = retryText ?? '';
}

function connect() {
  clearTimeout(timer);
  if (rfb || document.hidden) return; // it connects when the page becomes visible
  show('pending', 'Starting the desktop…');
  const url = new URL(`${api}/vnc`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('notices', '1');
  if (framed) url.searchParams.set('view_only', '1');
  else url.searchParams.set('viewer', viewer);
  if (signature) url.searchParams.set('signature', signature);
  const offered = ['binary', ...protocols(signature ? null : token).slice(1)];
  channel = new Channel(url.href, offered, { onText: hear, onClosed: ended });
  rfb = new RFB(screen, channel, { shared: true });
  rfb.background = 'transparent';
  rfb.focusOnClick = true;
  applyScale();
  applyHands();
  rfb.addEventListener('connect', () => {
    tries = 0;
    show('completed');
    dressCanvas();
  });
  rfb.addEventListener('desktopname', ({ detail }) => {
    document.title = `${detail.name || 'Desktop'} · Corral`;
  });
  rfb.addEventListener('clipboard', ({ detail }) => {
    if (control.clipboard) byId('clipboard-text').value = detail.text;
  });
}

/** Makes noVNC's canvas reachable by the tab key and gives it a label. */
function dressCanvas() {
  const canvas = screen.querySelector('canvas');
  if (!canvas) return;
  canvas.tabIndex = framed ? -1 : 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', 'The desktop of the sandbox');
  canvas.setAttribute('aria-describedby', 'hint');
}

/** Shows the holder of the keyboard and mouse, as the relay reports it. */
function hear(message) {
  if (message.type !== 'control') return;
  control = message;
  const texts = {
    you: 'You have keyboard and mouse; the agent waits.',
    another: 'Another viewer has keyboard and mouse.',
    nobody: control.mayControl ? 'The agent has keyboard and mouse.' : 'You may watch.',
  };
  byId('who').textContent = texts[control.who];
  const button = byId('control');
  button.hidden = !control.mayControl;
  button.textContent = { you: 'Give back', another: 'Take over', nobody: 'Take control' }[control.who];
  byId('view-only-label').hidden = !control.mayControl;
  byId('paste').hidden = !control.clipboard || !control.mayControl;
  applyHands();
}

function applyHands() {
  if (rfb) rfb.viewOnly = framed || viewOnly.checked || !control.mayControl || control.who === 'another';
  byId('keyboard').hidden = !matchMedia('(pointer: coarse)').matches || !rfb || rfb.viewOnly;
}

function applyScale() {
  const fits = framed || byId('scale').getAttribute('aria-pressed') === 'true';
  byId('scale').textContent = fits ? 'Fit' : '1:1';
  if (!rfb) return;
  rfb.scaleViewport = fits;
  rfb.clipViewport = false;
}

const final = {
  1000: 'The desktop was stopped.',
  1002: 'The connection was refused.',
  1003: 'The connection was refused.',
  1008: 'There is no such session.',
  1011: 'VNC is not available',
  4410: 'The session was deleted.',
};
/** Longer texts for reasons that the relay gives in few words. */
const more = {
  'VNC is not available':
    'VNC is not available: this sandbox has no desktop. New sessions have one where the server runs with CORRAL_SANDBOX_DESKTOP=true.',
};

async function ended({ code, reason }) {
  rfb = undefined;
  channel = undefined;
  control = { ...control, who: 'nobody' };
  byId('control').hidden = true;
  byId('who').textContent = '';
  if (document.hidden) return show('waiting', 'Paused: nobody looked.', 'Connect again');
  if (signature)
    return show('failed', `${reason || 'The connection ended.'} This link worked once: ask for a new one.`);
  if (code === 1008 || code === 4410) return show('failed', reason || final[code]);
  const why = reason || final[code];
  if (final[code]) return show('failed', more[why] ?? why, code === 1000 ? 'Start it again' : 'Try again');
  if (await needsToken()) return undefined;
  const waitMs = Math.min(10_000, 500 * 2 ** tries++) * (0.75 + Math.random() / 2);
  show('waiting', `${reason || 'The connection was lost.'} Trying again in ${Math.ceil(waitMs / 1_000)} s.`, 'Try now');
  timer = setTimeout(connect, waitMs);
  return undefined;
}

/** A page learns nothing about a refused upgrade, so this sends an ordinary request to see why. */
async function needsToken() {
  const answer = await fetch(`${api}/desktop`, { headers: authorization(token) }).catch(() => undefined);
  if (answer?.status !== 401 || framed) return false;
  show('failed', 'This server asks for a token.', 'Try again');
  void askToken(token).then((given) => {
    token = given || null;
    connect();
  });
  return true;
}

/** Tells noVNC to release all keys, because a key would stay down when the focus moves elsewhere. */
function leaveScreen() {
  dispatchEvent(new Event('blur'));
  (byId('control').hidden ? byId('back') : byId('control')).focus();
}

addEventListener(
  'keydown',
  (event) => {
    if (!(event.ctrlKey && event.altKey && event.shiftKey) || document.activeElement?.tagName !== 'CANVAS') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    leaveScreen();
  },
  true,
);
byId('back').href = `/#${session}`;
byId('again').addEventListener('click', () => {
  tries = 0;
  connect();
});
byId('control').addEventListener('click', () => {
  if (control.who === 'you') return channel?.say({ type: 'give' });
  viewOnly.checked = false;
  channel?.say({ type: 'take' });
  return rfb?.focus();
});
viewOnly.addEventListener('change', () => {
  if (viewOnly.checked && control.who === 'you') channel?.say({ type: 'give' });
  applyHands();
});
byId('scale').addEventListener('click', ({ target }) => {
  target.setAttribute('aria-pressed', String(target.getAttribute('aria-pressed') !== 'true'));
  applyScale();
});
byId('paste').addEventListener('click', () => byId('clipboard').showModal());
byId('clipboard').addEventListener('close', ({ target }) => {
  if (target.returnValue === 'send') rfb?.clipboardPasteFrom(byId('clipboard-text').value);
  target.returnValue = '';
});
typeInto(byId('keys'), (keysym, code) => rfb?.sendKey(keysym, code));
byId('keyboard').addEventListener('click', () => byId('keys').focus());
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  (screen.querySelector('canvas') ?? screen).focus();
});
addEventListener('visibilitychange', () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => channel?.close(), hiddenMs);
  else if (!rfb) connect();
});

document.body.classList.toggle('framed', framed);
document.body.classList.toggle('pane', inPane);
// removes the signature from the address, so that the history does not keep it
if (signature) history.replaceState(null, '', location.pathname);
connect();
