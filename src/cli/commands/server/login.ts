import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { parseJson } from '../../../core/text/json.ts';
import { type CliCommand, UsageError } from '../../command.ts';
import type { Io } from '../../io.ts';
import { openBrowser, resolveAddress, saveToken } from '../../server.ts';

const waitMs = 10 * 60_000;
const pasteOption = ['--paste', 'paste the code of the page, for a browser on another machine'] as const;

export const loginCommand: CliCommand = {
  name: 'login',
  args: [],
  about: 'signs in with the page in your browser, so that commands act on your behalf',
  options: [pasteOption],
  examples: ['corral --url https://corral.example.com login', 'corral login --paste'],
  async run({ options, io, corral }) {
    const { address } = corral();
    const verifier = randomBytes(32).toString('base64url');
    const page = new URL('/', address);
    page.searchParams.set('login', createHash('sha256').update(verifier).digest('base64url'));
    page.searchParams.set('command', `corral on ${hostname()}`.slice(0, 100));
    const code = options.flag('paste') ? await pastedCode(io, page) : await returnedCode(io, page);
    const response = await fetch(new URL('/sign-in/token', address), {
      method: 'POST',
      body: JSON.stringify({ code, verifier }),
    });
    const found = parseJson(await response.text(), { maxBytes: 65_536, maxDepth: 8, maxValues: 100 });
    const answer = (found.ok ? found.value : {}) as { token?: string; name?: string; detail?: string };
    if (!response.ok || answer.token === undefined)
      throw new UsageError(answer.detail ?? `The server answered ${response.status}.`);
    const file = saveToken(io.env, new URL(address).origin, answer.token);
    io.print(`Signed in to ${address} as ${answer.name}. The token is in ${file}.`);
  },
};

export const logoutCommand: CliCommand = {
  name: 'logout',
  args: [],
  about: 'signs out: revokes the token of `corral login`, and deletes it',
  options: [],
  examples: ['corral logout'],
  async run({ io, corral }) {
    const { address } = corral();
    const { token } = resolveAddress(address, { ...io.env, CORRAL_TOKEN: undefined });
    const headers = { authorization: `Bearer ${token ?? ''}` };
    await fetch(new URL('/sign-in/end', address), { method: 'POST', headers });
    saveToken(io.env, new URL(address).origin, undefined);
    io.print(`Signed out of ${address}.`);
  },
};

async function pastedCode(io: Io, page: URL): Promise<string> {
  io.say(`Open this address in a browser, and paste the code that it shows:\n${page.href}`);
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    return (await lines.question('Code: ', { signal: io.signal })).trim();
  } finally {
    lines.close();
  }
}

async function returnedCode(io: Io, page: URL): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const state = randomBytes(16).toString('base64url');
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const code = searchParams.get('state') === state ? searchParams.get('code') : null;
    response.writeHead(code === null ? 404 : 200, { 'content-type': 'text/plain', connection: 'close' });
    response.end(code === null ? 'Not found' : 'You are signed in. You can close this page.');
    if (code !== null) resolve(code);
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    page.searchParams.set('port', String((server.address() as AddressInfo).port));
    page.searchParams.set('state', state);
    io.say(`Continue in your browser:\n${page.href}`);
    if (io.stdout.isTTY) openBrowser(page.href);
    const ended = combineSignals([io.signal, AbortSignal.timeout(waitMs)]);
    const aborted = new Promise<never>((_, reject) => {
      ended.addEventListener('abort', () => reject(new UsageError('Nobody signed in. Run corral login again.')));
    });
    return await Promise.race([promise, aborted]);
  } finally {
    server.close();
  }
}
