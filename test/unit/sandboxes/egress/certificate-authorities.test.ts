import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, rootCertificates, setDefaultCACertificates } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import {
  createProxyEnv,
  readCaBundle,
  readExtraCaCertificates,
  trustCaCertificates,
} from '../../../../src/sandboxes/egress/fetch/certificate-authorities.ts';
import { selfSigned } from '../../../support/egress/egress-certificate.ts';
import { folderOfTest } from '../../../support/stores/folder-of-test.ts';

async function file(name: string, text: string): Promise<string> {
  const path = join(folderOfTest(), name);
  await writeFile(path, text);
  return path;
}
const certificatesOf = (bundle: string) => bundle.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [];

test("the bundle has the server's own roots and the extra authorities, each once", async () => {
  const [one, two] = [selfSigned('one.example.test').cert, selfSigned('two.example.test').cert];
  const both = await file('both.pem', `# our own\n${one}\n${two.replaceAll('\n', '\r\n')}`);
  const again = await file('again.pem', one);
  const bundle = certificatesOf(await readCaBundle([both, again]));
  const own = certificatesOf(await readCaBundle([]));
  expect(own.length).toBeGreaterThanOrEqual(rootCertificates.length);
  expect(bundle).toHaveLength(own.length + 2);
  const names = bundle.slice(-2).map((pem) => new X509Certificate(pem).subjectAltName);
  expect(names).toEqual(['DNS:one.example.test', 'DNS:two.example.test']);
});

test('only the extra authorities that are not standard ones are passed on, each once', async () => {
  const { cert } = selfSigned('one.example.test');
  const usual = rootCertificates.slice(0, 3).join('\n');
  const before = certificatesOf((await readExtraCaCertificates([])) ?? '');
  const system = await file('system.pem', `${usual}\n${cert}\n${cert.replaceAll('\n', '\r\n')}`);
  expect(certificatesOf((await readExtraCaCertificates([system])) ?? '')).toEqual([...before, cert.trim()]);
  expect(await readExtraCaCertificates([await file('usual.pem', usual)])).toEqual(await readExtraCaCertificates([]));
});

test.each([
  ['is not there', undefined, /cannot be read/],
  ['has no certificate', 'hello', /no certificate/],
  ['has a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /cannot be parsed/],
])('an extra file that %s is named', async (_, text, message) => {
  const path = text === undefined ? join(folderOfTest(), 'missing.pem') : await file('bad.pem', text);
  const expected = { code: 'invalid_request', message: expect.stringMatching(message) };
  await expect(readCaBundle([path])).rejects.toMatchObject(expected);
  await expect(readCaBundle([path])).rejects.toThrow(path);
});

test('the environment names the proxy in both spellings, and one bundle for every tool', () => {
  const env = createProxyEnv({ proxyPort: 3128, caPath: '/run/corral/ca.pem' });
  for (const name of ['HTTP_PROXY', 'https_proxy', 'all_proxy', 'npm_config_https_proxy']) {
    expect(env[name]).toBe('http://127.0.0.1:3128');
  }
  expect(env.no_proxy).toBe(env.NO_PROXY);
  for (const name of ['SSL_CERT_FILE', 'PIP_CERT', 'NODE_EXTRA_CA_CERTS', 'GIT_SSL_CAINFO', 'npm_config_cafile'])
    expect(env[name]).toBe('/run/corral/ca.pem');
  expect(Object.keys(env)).not.toContain('GOPROXY');
});

test('the extra authorities reach every connection of the server: models, tool servers and webhooks', async () => {
  const before = getCACertificates('default');
  onTestFinished(() => setDefaultCACertificates(before));
  const { cert, key } = selfSigned('localhost');
  const server = createServer({ cert, key }, (_, response) => void response.end('reached')).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const ask = async () => await (await fetch(`https://localhost:${(server.address() as AddressInfo).port}`)).text();
  await expect(ask()).rejects.toThrow();
  await trustCaCertificates([await file('own.pem', cert)]);
  expect(await ask()).toBe('reached');
});
