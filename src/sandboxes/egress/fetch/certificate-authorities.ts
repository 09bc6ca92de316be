import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { AppError } from '../../../core/errors/errors.ts';

/** Merges Node's root certificates, NODE_EXTRA_CA_CERTS and CORRAL_EXTRA_CA as PEM. Rejects: invalid_request. */
export async function readCaBundle(extraFiles: readonly string[]): Promise<string> {
  const all = [...getCACertificates('default')];
  for (const file of extraFiles) all.push(...(await certificatesIn(file)));
  const distinct = new Set(all.map(normal));
  return `${[...distinct].join('\n')}\n`;
}

/** Omits the standard authorities, which every image has. Undefined if none remain. Rejects: invalid_request. */
export async function readExtraCaCertificates(extraFiles: readonly string[]): Promise<string | undefined> {
  const values = [...getCACertificates('extra')];
  for (const file of extraFiles) values.push(...(await certificatesIn(file)));
  if (values.length === 0) return undefined; // avoids parsing the standard authorities, which takes 20 ms at startup
  const known = new Set(getCACertificates('bundled').map(printOf)); // the same certificate can have different PEM encodings
  const extra = values.filter((pem) => {
    const print = printOf(pem);
    return !known.has(print) && known.add(print);
  });
  return extra.length === 0 ? undefined : `${extra.map(normal).join('\n')}\n`;
}

export async function trustCaCertificates(files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const extra = (await Promise.all(files.map(certificatesIn))).flat();
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...extra])]);
}

const printOf = (pem: string) => new X509Certificate(pem).fingerprint256;

const normal = (pem: string) => pem.replaceAll('\r', '').trim();

async function certificatesIn(file: string): Promise<string[]> {
  const wrong = (what: string, cause?: unknown) =>
    new AppError('invalid_request', `CORRAL_EXTRA_CA: ${file} ${what}. It must be a PEM file of certificates.`, {
      cause,
    });
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw wrong('cannot be read', cause);
  });
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (!found) throw wrong('has no certificate');
  try {
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    throw wrong('has a certificate that cannot be parsed', cause);
  }
}

export function createProxyEnv({ proxyPort, caPath }: { proxyPort: number; caPath: string }): Record<string, string> {
  // ALL_PROXY gets an http:// URL too: Python's HTTP clients need extra packages for socks5.
  const proxy = `http://127.0.0.1:${proxyPort}`;
  const local = 'localhost,127.0.0.1,::1';
  const both = (name: string, value: string) => ({ [name]: value, [name.toLowerCase()]: value });
  const java = ['http', 'https']
    .map((scheme) => `-D${scheme}.proxyHost=127.0.0.1 -D${scheme}.proxyPort=${proxyPort}`)
    .join(' ');
  return {
    ...both('HTTP_PROXY', proxy),
    ...both('HTTPS_PROXY', proxy),
    ...both('ALL_PROXY', proxy),
    ...both('NO_PROXY', local),
    NODE_USE_ENV_PROXY: '1',
    JAVA_TOOL_OPTIONS: `${java} -Dhttp.nonProxyHosts=localhost|127.0.0.1`,
    npm_config_proxy: proxy,
    npm_config_https_proxy: proxy,
    npm_config_noproxy: local,
    npm_config_cafile: caPath,
    SSL_CERT_FILE: caPath, // read by OpenSSL, Python's ssl, Go, Ruby and uv
    NODE_EXTRA_CA_CERTS: caPath,
    REQUESTS_CA_BUNDLE: caPath,
    PIP_CERT: caPath,
    CURL_CA_BUNDLE: caPath,
    GIT_SSL_CAINFO: caPath,
    CARGO_HTTP_CAINFO: caPath,
    DENO_CERT: caPath,
  };
}
