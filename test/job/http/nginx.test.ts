// @module-tag all
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { request as ask, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { testServer } from '../../support/clients/http.ts';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { listenToInput, testDesktop } from '../../support/sandboxes/xvnc.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { removeFolder } from '../../support/stores/store.ts';

const program = '/usr/sbin/nginx';
const token = 'the-token-of-the-server';

/** nginx with the location that a document prints, in front of the server at this port. */
async function nginx(document: string, behind: number, { scheme = 'https', more = '' } = {}) {
  const location = /^( *)location \/ \{[\s\S]*?^\1\}/m.exec(await readFile(document, 'utf8'))?.[0] ?? '';
  const [folder, port] = [await mkdtemp(join(tmpdir(), 'corral-nginx-')), await freePort()];
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${folder}/${one};`,
  );
  const site = location
    .replace('127.0.0.1:8000', `127.0.0.1:${behind}`)
    .replace('$scheme', scheme)
    .replace('location / {', `location / { ${more}`);
  const http = `access_log off; ${temporary.join(' ')} server { listen 127.0.0.1:${port}; ${site} }`;
  const config = `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice; events {} http { ${http} }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(child.stderr, 'data'); // it listens, or prints why it does not
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      await removeFolder(folder);
    },
  };
}

test.for(['docs/how-to/deploy-behind-a-proxy.md'])(
  'F134 behind nginx (%s) clients have own locks',
  async (document, context) => {
    context.skip(!existsSync(program), 'nginx is not installed');
    await using server = await testServer({
      clock: manualClock(),
      config: {
        token: new Secret(token),
        trustedProxies: ['127.0.0.1'],
        e2b: {
          facade: 'on',
          maxSeconds: 86_400,
          maxUploadBytes: 2 ** 30,
          templates: ['base'],
          root: 'alias',
          pause: 'memory',
        },
      },
    });
    await using proxy = await nginx(document, server.port);
    const from = async (localAddress: string, credential: string, path = '/api/v1/sessions') => {
      const headers = { authorization: `Bearer ${credential}`, host: `localhost:${proxy.port}` };
      const pending = ask({ host: '127.0.0.1', port: proxy.port, localAddress, path, headers }).end();
      const [answer] = (await once(pending, 'response')) as [IncomingMessage];
      return { status: answer.statusCode, body: await json(answer).catch(() => undefined) };
    };
    for (let guess = 0; guess < 1_000; guess += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => from('127.0.0.2', `wrong${guess + n}`)));
    expect([(await from('127.0.0.2', 'wrong')).status, (await from('127.0.0.2', token)).status]).toEqual([429, 200]);
    expect((await from('127.0.0.3', 'wrong')).status).toBe(401);
    expect((await server.call('GET', '/api/v1/sessions', undefined, { authorization: `Bearer ${token}` })).status).toBe(
      200,
    );
  },
);

test('behind an nginx that names people, a client names nobody', async (context) => {
  context.skip(!existsSync(program), 'nginx is not installed');
  await using server = await composedServer({
    CORRAL_TOKEN: token,
    CORRAL_TRUSTED_PROXIES: '127.0.0.1',
    CORRAL_IDENTITY_PROXY_SUBJECT_HEADER: 'x-auth-request-user',
    CORRAL_IDENTITY_PROXY_GROUPS_HEADER: 'x-auth-request-groups',
    CORRAL_IDENTITY_PROXY_ROLES: '{"*":"viewer","chiefs":"admin"}',
  });
  const more = 'proxy_set_header X-Auth-Request-User ada; proxy_set_header X-Auth-Request-Groups "";';
  await using proxy = await nginx('docs/how-to/deploy-behind-a-proxy.md', Number(new URL(server.url).port), { more });
  const me = async (forged: Record<string, string | string[]>) => {
    const headers = { host: `localhost:${proxy.port}`, ...forged };
    const pending = ask({ host: '127.0.0.1', port: proxy.port, path: '/api/v1/people/me', headers }).end();
    const [answer] = (await once(pending, 'response')) as [IncomingMessage];
    return (await json(answer)) as object;
  };
  const ada = await me({});
  expect(ada).toMatchObject({ role: 'viewer' });
  const names = ['X-Auth-Request-User', 'x-auth-request-user', 'X_Auth_Request_User', 'X-Auth-Request-Groups'];
  for (const name of names) expect(await me({ [name]: ['chiefs', 'root'] })).toEqual(ada);
});

test('the screen of a desktop passes nginx, and so does its input', async (context) => {
  context.skip(!existsSync(program), 'nginx is not installed');
  await needs(context, 'xvnc');
  await using desktop = await testDesktop(76);
  await using server = await testServer();
  server.others.desktop.client = desktop.client;
  await using proxy = await nginx('docs/how-to/deploy-behind-a-proxy.md', server.port);
  const path = `/api/v1/sessions/${await server.newSession()}/vnc?viewer=behind-nginx`;
  using viewer = await rfbClient(`ws://localhost:${proxy.port}${path}`);
  expect(await viewer.pixel(9, 9)).toBeTypeOf('number');
  using input = await listenToInput(desktop);
  viewer.key(0x61);
  await expect.poll(input.text).toMatch(/RawKeyPress/);
});
