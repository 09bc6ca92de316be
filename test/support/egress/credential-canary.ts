import { writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openClient } from '../clients/trpc.ts';
import { filesUnder, formsOf, insideOf } from '../hostile/canaries.ts';
import { realServer } from '../servers/real-server.ts';
import { temporaryFolder } from '../stores/store.ts';
import type { World } from '../worlds.ts';
import { standIn } from './egress.ts';
import { selfSigned } from './egress-certificate.ts';

const host = hostname();
const secret = 'canary-of-the-proxy-5c1d9e77f0';
const ofSession = 'canary-of-a-session-93b1e0d2c7';
const ofProject = 'canary-of-a-project-0f7e6a41bd';
const head = '0123456789012345678901234567890123456789';
const sha = `${head}\trefs/heads/main\n`;

const ownIsRight = (headers: IncomingHttpHeaders) =>
  headers['x-own-key'] === ofSession && headers['x-project-key'] === ofProject;

/**
 * The programs of a real sandbox use secrets that are nowhere inside it, and nowhere in the server's data or output.
 */
export function canaryOfCredentials(world: World): void {
  test(`secrets of the proxy work for curl, Node, Python and git on ${world.driver}, and are nowhere to be found`, async (context) => {
    const certificate = selfSigned(host);
    using folder = temporaryFolder();
    const file = join(folder.path, 'certificate.pem');
    await writeFile(file, certificate.cert);
    await using upstream = await standIn(
      createServer(certificate, (req, res) => {
        const basic = `Basic ${Buffer.from(`bot:${secret}`).toString('base64')}`;
        if (req.url === '/own') return void res.end(ownIsRight(req.headers) ? 'welcome' : 'who are you?');
        const isRight = req.headers['x-api-key'] === secret && req.headers.authorization === basic;
        res.writeHead(isRight ? 200 : 401, { 'content-type': 'text/plain' });
        res.end(isRight ? (req.url?.includes('info/refs') ? sha : 'welcome') : 'who are you?');
      }),
    );
    const at = `${host}:${upstream.port}`;
    const common = { hosts: [at], 'value-from': { file: `${file}.secret` } };
    await writeFile(`${file}.secret`, `${secret}\n`);
    await using real = await realServer(context, world, {
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW: at,
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
      CORRAL_EXTRA_CA: file,
      LOG_LEVEL: 'trace',
      CORRAL_EGRESS_CREDENTIALS: JSON.stringify({
        api: { ...common, header: 'x-api-key', env: ['MY_API_KEY'] },
        git: { ...common, scheme: 'basic', user: 'bot' },
      }),
    });
    const { server } = real;
    using client = openClient(server.url, 'ws');
    onTestFinished(() => client[Symbol.dispose]?.());
    const { id: projectId } = await client.projects.create.mutate({ name: 'One' });
    const { id } = await client.sessions.create.mutate({ projectId });
    const own = { hosts: [at], env: ['MY_OWN_KEY'] };
    await client.projectCredentials.put.mutate({
      projectId,
      ...own,
      name: 'shared',
      header: 'x-project-key',
      env: ['MY_PROJECT_KEY'],
      value: ofProject,
    });
    // The session's own credential precedes the project's for the same variable.
    const input = { projectId, ...own, name: 'own', header: 'x-own-key', value: 'a-value-that-is-not-used' };
    await client.projectCredentials.put.mutate(input);
    const bound = await client.sessionCredentials.put.mutate({
      sessionId: id,
      ...own,
      name: 'own',
      header: 'x-own-key',
      value: ofSession,
    });
    expect(JSON.stringify([bound, await client.sessionCredentials.list.query({ sessionId: id })])).not.toContain(
      ofSession,
    );
    await client.sandbox.stop.mutate({ sessionId: id }); // it may have started before the credentials were there
    await client.sandbox.start.mutate({ sessionId: id });
    const run = async (command: string) => {
      const { stdout, stderr, exitCode } = await client.sandbox.exec.mutate({ sessionId: id, command });
      return exitCode === 0 ? stdout.trim() : `${exitCode}: ${stdout}${stderr}`;
    };
    expect(await run('printenv MY_API_KEY')).toMatch(/^corral-api-[0-9a-f]{24}$/);
    expect(await run('printenv MY_OWN_KEY MY_PROJECT_KEY')).toMatch(
      /^corral-own-[0-9a-f]{24}\ncorral-shared-[0-9a-f]{24}$/,
    );
    expect(await run(`curl -sS -H "x-own-key: $MY_OWN_KEY" https://${at}/own`)).toBe('welcome');
    expect(await run(`curl -sS -H "x-api-key: $MY_API_KEY" https://${at}/`)).toBe('welcome');
    expect(await run(`node -e 'fetch("https://${at}/").then((r) => r.text()).then(console.log)'`)).toBe('welcome');
    const python = `import urllib.request as u; print(u.urlopen("https://${at}/").read().decode())`;
    expect(await run(`python3 -c '${python}'`)).toBe('welcome');
    expect(await run(`git ls-remote https://${at}/a.git`)).toBe(`${head}\trefs/heads/main`);
    await run(`curl -sS --data "$(env)" https://${at}/ > answer.txt`);
    expect(await run("curl -s -o /dev/null -w '%{http_code}' http://10.96.0.1/")).toBe('403'); // it is not on the list

    const texts = async function* () {
      yield* insideOf(world, id);
      for await (const found of filesUnder(server.data)) yield found;
      yield { path: 'the log', text: server.output() };
      yield { path: 'the events', text: JSON.stringify(real.log(id)) };
      yield { path: 'the metrics', text: await (await fetch(`${server.url}/metrics`)).text() };
    };
    const canaries = [secret, ofSession, ofProject].flatMap((value) => formsOf(value));
    const found: string[] = [];
    let count = 0;
    for await (const { path, text } of texts()) {
      count++;
      if (canaries.some((form) => text.includes(form))) found.push(path);
    }
    expect(found).toEqual([]);
    expect(count).toBeGreaterThan(5);
    const rules = real.factsOf(id, 'egress').map(({ data }) => `${data.decision} ${data.rule}`);
    const used = ['api', 'git', 'own', 'shared'].map((name) => `allowed credential: ${name}`);
    expect(rules).toEqual(expect.arrayContaining(used));

    await client.sessionCredentials.revoke.mutate({ sessionId: id, name: 'own' });
    await client.projectCredentials.revoke.mutate({ projectId, name: 'own' });
    expect(await run(`curl -sS https://${at}/own`)).toBe('who are you?');
  });
}
