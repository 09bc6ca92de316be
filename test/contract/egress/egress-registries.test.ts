// @module-tag all
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createPageTextFetcher } from '../../../src/sandboxes/egress/fetch/fetch-page.ts';
import { systemDialer } from '../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import { parseRegistries, registryDiscoveryScript } from '../../../src/sandboxes/egress/registries/registries.ts';
import { standIn } from '../../support/egress/egress.ts';
import { selfSigned } from '../../support/egress/egress-certificate.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);
const address = '203.0.113.7';
const signal = new AbortController().signal;

/** A page fetcher for a simulated Internet: every name resolves to `address`, and every port leads to this server. */
const fetcherTo = (port: number, ca?: string, answers: (host: string) => string[] = () => [address]) =>
  createPageTextFetcher({
    resolve: async (host) => answers(host),
    dial: (_address, _port, cut) => systemDialer('127.0.0.1', port, cut),
    ...(ca !== undefined && { ca }),
  });

const image = 'debian:bookworm-slim';
const haveImage = await run('docker', ['image', 'inspect', image]).then(
  () => true,
  () => false,
);
const skip = !haveImage && process.env.CI !== 'true';
test.skipIf(skip)(
  `a pristine container without a network reports its configured registries (needs Docker and ${image})`,
  async () => {
    const inside = ['docker', 'run', '--rm', '--network', 'none', '--read-only', '--tmpfs', '/tmp', '--user', '10001'];
    const { stdout } = await run('sh', ['-c', `exec ${inside.join(' ')} ${image} sh -c "$0"`, registryDiscoveryScript]);
    expect(parseRegistries(stdout).entries).toEqual(
      expect.arrayContaining([expect.objectContaining({ for: 'apt', host: expect.stringContaining('.') })]),
    );
  },
);

test('the discovery reads tools that are configured by environment or files', { tags: ['nightly'] }, async () => {
  using folder = temporaryFolder();
  const { path } = folder;
  const rc = join(path, 'npmrc');
  await writeFile(rc, '@mine:registry=https://scoped.example.test/x\n# @not:registry=https://no.example.test\n');
  const tools = {
    npm: `case "$3" in registry) echo https://npm.example.test/;; userconfig) echo ${rc};; *) echo /nowhere;; esac`,
    python3: `[ "$4" = list ] && cat <<'END' || :
global.index-url='https://pip.example.test/simple'
:env:.extra-index-url='https://a.example.test/s\\nhttps://b.example.test/s'
END`,
    go: `[ "$2" = GOPROXY ] && echo 'https://go.example.test|https://go2.example.test,direct' || echo sums.example.test+1+AAAA`,
    cargo: 'echo "failed to download from \\`https://cargo.example.test/config.json\\`" >&2; exit 101',
  };
  for (const [name, text] of Object.entries(tools))
    await writeFile(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const { stdout } = await run('sh', ['-c', registryDiscoveryScript], { env: { PATH: `${path}:/usr/bin:/bin` } });
  // The entry of apt depends on this machine.
  const found = parseRegistries(stdout).entries.filter((entry) => entry.for !== 'apt');
  expect(found.map((entry) => `${entry.for} ${entry.host}`)).toEqual([
    'npm npm.example.test',
    'npm scoped.example.test',
    'pip pip.example.test',
    'pip a.example.test',
    'pip b.example.test',
    'go go.example.test',
    'go go2.example.test',
    'go sums.example.test',
    'cargo cargo.example.test',
  ]);
});

test('a page is fetched over TLS only with a certificate of the configured authority for that name', async () => {
  const certificate = selfSigned('index.example.test');
  await using server = await standIn(createHttps(certificate, (req, res) => res.end(`page ${req.url}`)));
  const page = await fetcherTo(server.port, certificate.cert)('https://index.example.test/simple/pip/', signal);
  expect(page).toBe('page /simple/pip/');
  await expect(fetcherTo(server.port)('https://index.example.test/', signal)).rejects.toMatchObject({
    code: 'not_found',
  });
  const wrongName = fetcherTo(server.port, certificate.cert)('https://other.example.test/', signal);
  await expect(wrongName).rejects.toMatchObject({ code: 'not_found' });
});

test('a redirect to a private address is not followed', async () => {
  await using server = await standIn(
    createHttp((_, res) => res.writeHead(302, { location: 'http://inside.example.test/' }).end()),
  );
  const fetchPage = fetcherTo(server.port, undefined, (host) => (host.startsWith('inside') ? ['10.0.0.1'] : [address]));
  await expect(fetchPage('http://index.example.test/', signal)).rejects.toMatchObject({ code: 'forbidden' });
});

test('a page that never ends is cut at 1 MiB, and endless redirects are refused', async () => {
  await using endless = await standIn(
    createHttp((_, res) => {
      const endlessly = new Readable({
        read(size) {
          this.push('x'.repeat(size));
        },
      });
      endlessly.pipe(res);
    }),
  );
  expect(await fetcherTo(endless.port)('http://index.example.test/', signal)).toHaveLength(2 ** 20);
  await using loop = await standIn(createHttp((_, res) => res.writeHead(301, { location: '/again' }).end()));
  await expect(fetcherTo(loop.port)('http://index.example.test/', signal)).rejects.toThrow(/redirects too often/);
});

test('a fetch ends when its signal aborts', async () => {
  await using silent = await standIn(createHttp(() => {}));
  const stop = new AbortController();
  const page = fetcherTo(silent.port)('http://index.example.test/', stop.signal);
  await once(silent.server, 'request');
  stop.abort();
  await expect(page).rejects.toMatchObject({ name: 'AppError' });
});
