import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Secret } from '../../../src/core/text/secret.ts';
import { createCertificateAuthority } from '../../../src/sandboxes/egress/credentials/authority.ts';
import type { EgressCredentialOptions } from '../../../src/sandboxes/egress/credentials/bound-tunnel.ts';
import type { Credential } from '../../../src/sandboxes/egress/credentials/credential.ts';
import { type EgressPolicy, type PolicyEntry, parsePolicyEntry } from '../../../src/sandboxes/egress/policy.ts';
import { egressBench, standIn, until } from './egress.ts';
import { selfSigned } from './egress-certificate.ts';

export const value = 'sk-real-value-0123456789';
export const other = 'sk-other-value-987654321';
export const certificate = selfSigned('api.example.test', 'git.example.test', 'free.example.test');
export const authority = createCertificateAuthority([new Secret('a key of the installation')], Date.now);
export const credential = (name: string, host: string, more: Partial<Credential>): Credential => ({
  name,
  header: 'x-api-key',
  write: (text) => text,
  placeholder: `corral-${name}-placeholder`,
  hosts: [parsePolicyEntry(host) as PolicyEntry],
  value: async () => new Secret(value),
  ...more,
});
export const api = credential('api', 'api.example.test', {});
export const git = credential('git', 'git.example.test', {
  header: 'authorization',
  write: (text) => `Basic ${Buffer.from(`x-access-token:${text}`).toString('base64')}`,
  value: async () => new Secret(other),
});
const names = Object.fromEntries(
  ['api', 'git', 'free'].map((name, at) => [`${name}.example.test`, [`203.0.113.${at + 1}`]]),
);
const allowed = { kind: 'allow-list', entries: Object.keys(names) } as const;

export type Handler = NonNullable<Parameters<typeof createHttp>[1]>;
interface World {
  readonly policy?: EgressPolicy;
  readonly trusted?: string;
  readonly all?: readonly Credential[];
  readonly of?: EgressCredentialOptions['of'];
}
/** The proxy that adds secrets, between a client that trusts its authority and a TLS server that it checks. */
export async function credentialWorld(
  handler: Handler,
  { policy = allowed, trusted = certificate.cert, all = [api, git], of = () => all }: World = {},
) {
  const secure = await standIn(createHttps(certificate, handler));
  const plain = await standIn(createHttp(handler));
  const servers = Object.fromEntries(
    Object.values(names).flatMap(([address]) => [
      [`${address}:443`, secure.port],
      [`${address}:80`, plain.port],
    ]),
  );
  const bench = await egressBench({ policy, names, servers, credentials: { of, authority, trusted } });
  return {
    bench,
    secure,
    /** TLS through a tunnel to the host, as a program of the sandbox opens it. */
    async tls(host: string, options: ConnectionOptions = {}, from?: 'another'): Promise<TLSSocket> {
      const socket = await bench.connect(from);
      socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
      const reply = await until(socket, '\r\n\r\n');
      if (!reply.startsWith('HTTP/1.1 200')) throw new Error(reply);
      const tls = connectTls({ socket, servername: host, ca: authority.pem, ...options });
      await once(tls, 'secureConnect');
      return tls;
    },
    rules: () => bench.reports.map(({ decision, host, rule }) => `${decision} ${host} ${rule}`),
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await secure[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
    },
  };
}
