import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { sandboxIdOf } from '../../../../src/core/model/ids.ts';
import { createProxiedFetch } from '../../../../src/sandboxes/egress/fetch/proxied-fetch.ts';
import { type EgressBenchOptions, egressBench, session, standIn } from '../../../support/egress/egress.ts';
import { selfSigned } from '../../../support/egress/egress-certificate.ts';

const from = { id: sandboxIdOf(session), sessionId: session };
const soon = () => AbortSignal.timeout(60_000);
async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A site behind the proxy, in plain HTTP and over TLS. */
async function site(options: EgressBenchOptions) {
  const { key, cert } = selfSigned('site.example');
  const plain = await standIn(
    createServer((req, res) => {
      if (req.url === '/slow') return void res.write('a');
      res.end(`plain ${req.headers.host}${req.url}`);
    }),
  );
  const secure = await standIn(createSecureServer({ key, cert }, (req, res) => res.end(`secure ${req.url}`)));
  const bench = await egressBench({
    names: { 'site.example': ['93.184.216.34'], 'inside.example': ['10.0.0.7'] },
    servers: { '93.184.216.34:80': plain.port, '93.184.216.34:443': secure.port, '93.184.216.34:8080': plain.port },
    ...options,
  });
  onTestFinished(async () => {
    await bench[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
    await secure[Symbol.asyncDispose]();
  });
  const fetch = createProxiedFetch(bench.proxy, cert);
  return { ...bench, get: (url: string, signal = soon()) => fetch(new URL(url), from, signal) };
}

test.each([[{ kind: 'web' }], [{ kind: 'allow-list', entries: ['site.example', 'site.example:8080'] }]])(
  'pages of both schemes arrive through the proxy, and the session is notified: %o',
  async (policy) => {
    const { get, reports } = await site({ policy });
    const plain = await get('http://site.example/a?b=1');
    expect([plain.status, await textOf(plain.body)]).toEqual([200, 'plain site.example/a?b=1']);
    expect(await textOf((await get('https://site.example/c')).body)).toBe('secure /c');
    if (policy.kind === 'allow-list') {
      expect(await textOf((await get('http://site.example:8080/d')).body)).toBe('plain site.example:8080/d');
    }
    expect(reports.map(({ host, port, decision }) => `${decision} ${host}:${port}`)).toContain(
      'allowed site.example:443',
    );
  },
);

test('the policy refuses in its own words, before anything is resolved', async () => {
  const { get, reports, dialled } = await site({ policy: { kind: 'registries' } });
  await expect(get('https://site.example/')).rejects.toMatchObject({
    code: 'forbidden',
    publicMessage: expect.stringMatching(/^egress to site\.example:443 refused: not on the list/),
  });
  expect(reports).toMatchObject([{ host: 'site.example', port: 443, decision: 'refused' }]);
  expect(dialled).toEqual([]);
});

test('private addresses and certificates of others are refused', async () => {
  const { get } = await site({ policy: { kind: 'web' } });
  const expected = { code: 'forbidden', publicMessage: expect.stringContaining('private or reserved') };
  await expect(get('http://inside.example/')).rejects.toMatchObject(expected);
  await expect(get('http://169.254.169.254/latest')).rejects.toMatchObject({ code: 'forbidden' });
  const stranger = await site({ policy: { kind: 'web' }, names: { 'other.example': ['93.184.216.34'] } });
  await expect(stranger.get('https://other.example/')).rejects.toMatchObject({
    code: 'not_found',
    publicMessage: expect.stringContaining('over TLS'),
  });
});

test('a signal ends a request, and a body that drips', async () => {
  const { get } = await site({ policy: { kind: 'web' } });
  const stop = new AbortController();
  const { body } = await get('http://site.example/slow', stop.signal);
  setImmediate(() => stop.abort());
  await expect(textOf(body)).rejects.toMatchObject({ code: 'cancelled' });
  await expect(get('http://site.example/', stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
});
