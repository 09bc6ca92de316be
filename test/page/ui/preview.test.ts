// @module-tag all
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, type Desk, deskTest, phone } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'process' }, 'admin');

/**
 * A page that reports what it can reach of the surrounding page, and a socket for hot reload, with nothing but Node.
 */
const program = `
const { createServer } = require('node:http');
const { createHash } = require('node:crypto');
const page = (name) => \`<!doctype html><meta charset="utf-8"><title>\${name}</title><h1>\${name}</h1><p id="found">…</p><p id="hot">cold</p><script>
const can = (name, work) => { try { const it = work(); return it ? name + '=' + it : ''; } catch { return ''; } };
can('', () => localStorage.setItem('mine', '1')); // browsers that keep storage from frames refuse it
const found = [
  can('cookie', () => document.cookie), can('parent', () => parent !== window && parent.document.title),
  can('opener', () => opener), can('token', () => Object.keys(localStorage).filter((key) => key !== 'mine').join()),
  can('top', () => top !== window && top.location.href),
].filter(Boolean);
fetch('http://' + location.hostname.split('.').slice(1).join('.') + ':' + location.port + '/api/v1/sessions')
  .then((answer) => answer.text()).then((text) => found.push('api=' + text.slice(0, 50)), () => {})
  .then(() => { document.getElementById('found').textContent = 'found: ' + (found.join(', ') || 'nothing'); });
const socket = new WebSocket('ws://' + location.host + '/hot');
socket.onmessage = ({ data }) => { document.getElementById('hot').textContent = data; };
</script>\`;
const server = createServer((request, response) => {
  if (request.headers.cookie) response.setHeader('x-cookies', request.headers.cookie);
  response.setHeader('content-type', 'text/html');
  response.setHeader('x-frame-options', 'DENY');
  response.end(page(request.url === '/' ? 'Built here' : 'At ' + request.url));
});
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {}); // a tab that closes on a busy machine resets its connection, which would end this program
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.write(Buffer.from([0x81, 3, 0x68, 0x6f, 0x74])); // a frame with the text "hot"
});
server.listen(4321, '127.0.0.1');
`;
const serve = fence('sh', 'nohup node server.cjs > server.log 2>&1 & sleep 0.1');
const task = `Look at http://localhost:4321/there\n${fence('file:server.cjs', program)}\n${serve}`;

/** A session whose program listens; all tests of this file share it. */
async function begin(desk: Desk): Promise<string> {
  const id = await desk.worked(task);
  const ports = async () => (await desk.fetch(`/api/v1/sessions/${id}/ports`)).text();
  await expect.poll(ports).toContain('4321');
  return id;
}
let session: Promise<string> | undefined;
function begun(desk: Desk): Promise<string> {
  session ??= begin(desk);
  return session;
}

test('a port that begins to listen is announced, and its frame reaches nothing of the page', async ({ desk }) => {
  const id = await begun(desk);
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Preview 1 new' }).click();
  await page.getByRole('tab', { name: 'Preview', exact: true }).waitFor(); // seen
  await page.getByRole('button', { name: /Port 4321 node server.cjs/ }).click();
  const frame = page.frameLocator('iframe');
  await frame.getByRole('heading', { name: 'Built here' }).waitFor();
  await frame.getByText('found: nothing').waitFor();
  await frame.getByText('hot', { exact: true }).waitFor(); // its WebSocket
  expect(await axeFinds(page)).toEqual([]);
});

test('a link to localhost in the conversation opens the port, also in a window without an opener', async ({ desk }) => {
  const id = await begun(desk);
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Preview 1 new' }).waitFor(); // the page has loaded
  await page.getByRole('link', { name: 'http://localhost:4321/there', exact: true }).first().press('Enter');
  await page.frameLocator('iframe').getByRole('heading', { name: 'At /there' }).waitFor();
  const again = page.waitForRequest(/\/there$/);
  await page.getByRole('button', { name: 'Reload' }).click();
  await again;
  const [opened] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'Open in new tab' }).click(),
  ]);
  await opened.getByText('found: nothing').waitFor();
  expect(opened.url()).toMatch(new RegExp(`^http://4321-${id}\\.localhost:\\d+/there$`));
});

test('a path that was typed is still shown after another tab', async ({ desk }) => {
  const { page } = await desk.open(`/#${await begun(desk)}`);
  await page.getByRole('tab', { name: /^Preview/ }).click();
  await page.getByRole('button', { name: /Port 4321 node/ }).click();
  await page.getByLabel('Path').press('End');
  await page.keyboard.type('typed');
  await page.keyboard.press('Enter');
  const heading = page.frameLocator('iframe').getByRole('heading', { name: 'At /typed' });
  await heading.waitFor();
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByRole('tab', { name: 'Preview', exact: true }).click();
  await heading.waitFor();
  expect(await page.getByLabel('Path').inputValue()).toBe('/typed');
});

test('a page has the focus once it is opened, and leaves it to the tab when arrow keys return', async ({ desk }) => {
  const files = [fence('file:notes.html', 'Notes'), fence('file:server.cjs', program.replace('4321', '4323'))];
  const { page } = await desk.open(`/#${await desk.worked(`${files.join('\n')}\n${serve}`)}`);
  await page.getByRole('button', { name: 'Open notes.html' }).press('Enter');
  const isFocused = (selector: string) => page.locator(selector).evaluate((node) => node === document.activeElement);
  await expect.poll(() => isFocused('.preview iframe')).toBe(true);
  await page.getByRole('tab', { name: 'Preview', exact: true }).press('ArrowRight');
  await page.getByRole('tab', { name: 'Terminal' }).press('ArrowLeft');
  await page.frameLocator('.preview iframe').getByRole('heading', { name: 'At /notes.html' }).waitFor();
  expect(await isFocused('[role=tab][aria-selected=true]')).toBe(true);
});

test('a paused sandbox is resumed from the list of previews', async ({ desk }) => {
  const id = await desk.worked(fence('sh', 'true'));
  const pause = () => desk.call('sandbox.pause', { sessionId: id });
  await expect.poll(() => pause().then(() => 'paused', String)).toBe('paused'); // refused until the run has ended
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Preview' }).click();
  await page.getByText('The sandbox is paused').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('The sandbox is paused').waitFor({ state: 'detached' });
});

test('a program that starts after its preview was opened is shown without a click', async ({ desk }) => {
  const id = await begun(desk);
  const { path } = await desk.call<{ path: string }>('ports.open', { sessionId: id, of: 4322 });
  const { page } = await desk.open(path);
  await page.getByRole('heading', { name: 'Nothing answers on port 4322' }).waitFor();
  const command = "sed 's/4321/4322/' server.cjs > later.cjs && (nohup node later.cjs > later.log 2>&1 &)";
  await desk.call('sandbox.exec', { sessionId: id, command });
  await page.getByRole('heading', { name: 'Built here' }).waitFor();
});

test('an HTML file of the workspace is a sandboxed page with scripts; hidden files are not served', async ({
  desk,
}) => {
  const id = await begun(desk);
  const { url } = desk.server;
  const put = (path: string, body: string) =>
    desk.fetch(`/streams/sessions/${id}/file?path=${path}`, { method: 'PUT', body });
  await put('site/index.html', '<!doctype html><h1>Hello</h1><p id="o"></p><script src="a.js"></script>');
  await put(
    'site/a.js',
    `const outside = ['http://localhost:9/', '../other.txt', 'a.js'].map((at) => fetch(at).then((found) => found.status, () => 'blocked'));
    addEventListener('securitypolicyviolation', ({ blockedURI }) => { document.title = blockedURI; });
    Promise.all(outside).then((all) => {
      document.getElementById("o").textContent = ['origin', origin, open('about:blank') ?? '', ...all, document.title].join(' ');
    });`,
  );
  await put('other.txt', 'not of the site');
  await put('.env', 'SECRET=1');
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByRole('treeitem', { name: 'site' }).click();
  await page.getByRole('treeitem', { name: 'index.html' }).click();
  const frame = page.frameLocator('iframe');
  await frame.getByRole('heading', { name: 'Hello' }).waitFor();
  expect(await frame.locator('#o').textContent()).toBe('');
  expect(await axeFinds(page)).toEqual([]);
  const shown = new URL((await page.locator('iframe').getAttribute('src')) ?? '', url);
  await page.getByRole('button', { name: 'Run scripts' }).click();
  await frame.getByText('origin null blocked blocked 200 http://localhost:9/').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect((await fetch(shown)).status).toBe(200);
  expect((await fetch(new URL('../other.txt', shown))).status).toBe(404);
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await expect.poll(async () => (await fetch(shown)).status).not.toBe(200);
  const { path } = await desk.call<{ path: string }>('ports.open', { sessionId: id, of: 'files' });
  const { status, headers } = await fetch(`${url}${path}site/index.html`);
  expect([status, headers.get('content-security-policy')]).toEqual([
    200,
    "sandbox allow-scripts allow-forms allow-modals; default-src 'self' 'unsafe-inline' data: blob:; form-action 'self'; frame-ancestors 'self'",
  ]);
  for (const hidden of ['.env', 'site/..%2f.env', '']) expect((await fetch(url + path + hidden)).status).toBe(404);
  expect((await fetch(`${url}${path}%2e%2e/`)).status).toBe(401); // the parent folder has no grant in its address
});

test('the tab on a phone, in both themes', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await begun(desk);
  const { page } = await desk.open(`/#${id}`, phone);
  await page.locator('.ended').first().waitFor();
  await page.getByRole('button', { name: 'Work' }).click();
  await page.getByRole('tab', { name: /Preview/ }).click();
  await page.getByRole('button', { name: /^Port 4321/ }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: /^Port 4321/ }).click();
  await page.frameLocator('iframe').getByText('found: nothing').waitFor();
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeFinds(page)).toEqual([]);
  }
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
});
