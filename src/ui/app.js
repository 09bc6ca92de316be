import { DesktopPanel } from './desktop-panel.js';
import { byId } from './dom.js';
import { showExamples } from './examples.js';
import { Line } from './line.js';
import { Files } from './panels.js';
import { SessionView } from './session-view.js';
import { Sessions } from './sessions.js';
import { authorization, protocols, takeToken } from './token.js';
import { askToken } from './token-dialog.js';
import { learnTools } from './tools.js';

let token = takeToken();
let line;
const theLine = () => line;
/** Resolves when the caller is known and a connection exists; calls made before that wait for it. */
const lineUp = Promise.withResolvers();
const sessions = new Sessions((type, session) => {
  if (session.id !== view.id) return;
  if (type === 'deleted') leaveSession();
  else view.describe(session);
});
const view = new SessionView({
  line: theLine,
  files: new Files(theLine),
  desktop: new DesktopPanel(theLine),
  onGone: () => leaveSession(),
});

const message = byId('message');
const send = byId('send');

function notice(text, isBad = false) {
  const place = byId('notice');
  place.textContent = text;
  place.hidden = text === '';
  place.classList.toggle('bad', isBad);
}

function leaveSession() {
  history.replaceState(null, '', location.pathname + location.search);
  openFromAddress();
}

function openFromAddress() {
  if (!line) return; // without a connection, `enter` runs first and then opens the session in the address
  const id = location.hash.slice(1) || undefined;
  document.body.removeAttribute('data-menu');
  byId('menu').setAttribute('aria-expanded', 'false');
  showPart('chat');
  if (id === view.id && document.body.dataset.ready) return;
  document.body.dataset.ready = 'true';
  view.show(id);
  sessions.select(id);
  const known = sessions.get(id);
  if (known) view.describe(known);
}

async function sendMessage() {
  const text = message.value;
  if (text.trim() === '' || send.disabled) return;
  send.disabled = true;
  try {
    await lineUp.promise;
    const sessionId = view.id ?? (await line.once('sessions.create')).id;
    if (view.id === undefined) {
      history.pushState(null, '', `#${sessionId}`);
      openFromAddress();
    }
    await line.repeatable('runs.send', { sessionId, text, clientMessageId: newKey() });
    if (message.value === text) message.value = '';
    notice('');
    grow();
  } catch (error) {
    notice(`Not sent: ${error.message}`, true);
  } finally {
    send.disabled = false;
    message.focus();
  }
}

/** `randomUUID` is missing on a page that was loaded over plain HTTP from another machine. */
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join('');

async function attempt(what, work) {
  try {
    await work();
  } catch (error) {
    notice(`${what}: ${error.message}`, true);
  }
}

function showPart(part) {
  document.body.dataset.view = part;
  for (const tab of byId('tabs').children) tab.setAttribute('aria-pressed', String(tab.dataset.to === part));
}

/** The box grows with its text, also in browsers without `field-sizing`. */
function grow() {
  if (CSS.supports('field-sizing', 'content')) return;
  message.style.height = 'auto';
  message.style.height = `${message.scrollHeight}px`;
}

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  void sendMessage();
});
message.addEventListener('input', grow);
message.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void sendMessage();
});
byId('stop').addEventListener('click', () =>
  attempt('Not stopped', () => line.repeatable('runs.stop', { sessionId: view.id })),
);
byId('new').addEventListener('click', () => {
  history.pushState(null, '', location.pathname + location.search);
  openFromAddress();
  message.focus();
});
byId('delete').addEventListener('click', () => byId('ask-delete').showModal());
byId('ask-delete').addEventListener('close', ({ target }) => {
  if (target.returnValue !== 'delete' || !view.id) return;
  target.returnValue = '';
  void attempt('Not deleted', () => line.once('sessions.delete', { id: view.id }));
});
byId('menu').addEventListener('click', () => {
  const isOpen = document.body.dataset.menu === 'open';
  document.body.dataset.menu = isOpen ? '' : 'open';
  byId('menu').setAttribute('aria-expanded', String(!isOpen));
  if (!isOpen) byId('new').focus();
});
byId('veil').addEventListener('click', closeMenu);
addEventListener('keydown', (event) => event.key === 'Escape' && closeMenu());
function closeMenu() {
  if (document.body.dataset.menu !== 'open') return;
  document.body.dataset.menu = '';
  byId('menu').setAttribute('aria-expanded', 'false');
  byId('menu').focus();
}
byId('tabs').addEventListener('click', ({ target }) => target.dataset.to && showPart(target.dataset.to));
addEventListener('popstate', openFromAddress);
addEventListener('hashchange', openFromAddress);

/** Finds out the caller's identity and the server's settings. Asks for the token until one is valid. */
async function enter() {
  const response = await fetch('/trpc/system.info', { headers: authorization(token) }).catch(() => undefined);
  if (response?.status === 401) {
    token = await askToken(token);
    return await enter();
  }
  const info = await dataOf(response);
  if (info) byId('about').textContent = `${info.model} · ${info.driver} · ${info.version}`;
  const tools = await fetch('/trpc/system.tools', { headers: authorization(token) }).catch(() => undefined);
  learnTools((await dataOf(tools)) ?? []);
  return undefined;
}

const dataOf = async (response) => (response?.ok ? (await response.json()).result.data : undefined);

async function start() {
  showExamples((text) => {
    message.value = text;
    grow();
    message.focus();
  });
  await enter();
  const url = new URL('/trpc', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  line = new Line({
    url: url.href,
    protocols: () => protocols(token),
    onState: (state) => {
      if (state === 'open') sessions.reset();
      notice(state === 'open' ? '' : 'The connection is lost. Trying again…');
    },
  });
  line.subscribe('sessions.watch', () => undefined, { onData: (news) => sessions.take(news) });
  openFromAddress();
  lineUp.resolve();
  if (matchMedia('(min-width: 861px)').matches) message.focus();
}

void start();
