import { Secret } from '../../../src/core/text/secret.ts';
import { createCertificateAuthority } from '../../../src/sandboxes/egress/credentials/authority.ts';
import type { Credential } from '../../../src/sandboxes/egress/credentials/credential.ts';
import { type PolicyEntry, parsePolicyEntry } from '../../../src/sandboxes/egress/policy.ts';
import { egressBench } from '../../../test/support/egress/egress.ts';
import type { ProgramMethods } from './child-process.ts';
import { originHost } from './egress-origin.ts';

// A sandbox's egress proxy on a Unix socket, with the origin as its only allowed host. With `injects`, it decrypts the
// requests and replaces a placeholder with the secret.

interface Argument {
  readonly port: number;
  readonly certificate: string;
  readonly injects: boolean;
}
export const credentialPlaceholder = 'corral-bench-placeholder';
export const injectedSecret = 'sk-a-secret-of-the-bench-0123456789';
const address = '203.0.113.7';

export async function open(
  { port, certificate, injects }: Argument,
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  const authority = createCertificateAuthority([new Secret('a key of the installation')], Date.now);
  const credential: Credential = {
    name: 'bench',
    header: 'x-api-key',
    write: (text) => text,
    placeholder: credentialPlaceholder,
    hosts: [parsePolicyEntry(originHost) as PolicyEntry],
    value: async () => new Secret(injectedSecret),
  };
  const proxy = await egressBench({
    policy: { kind: 'allow-list', entries: [originHost] },
    names: { [originHost]: [address] },
    servers: { [`${address}:443`]: port },
    limits: { bytesPerHour: Number.POSITIVE_INFINITY }, // the rounds exceed the usual hourly limit
    ...(injects && { credentials: { of: () => [credential], authority, trusted: certificate } }),
  });
  stack.use(proxy);
  return { listen: () => ({ path: proxy.path, ca: injects ? authority.pem : certificate }) };
}
