import { Secret } from '../../../src/core/text/secret.ts';
import { egressAuthority } from '../../../src/sandboxes/egress/credentials/authority.ts';
import type { Credential } from '../../../src/sandboxes/egress/credentials/credential.ts';
import { type Entry, parseEntry } from '../../../src/sandboxes/egress/policy.ts';
import { egressBench } from '../../../test/support/egress/egress.ts';
import type { ProgramMethods } from './child-process.ts';
import { host } from './egress-origin.ts';

// The proxy of sandboxes on a Unix socket, with the origin as its only host. With `injects` it reads the requests and
// replaces a placeholder by the secret.

interface Argument {
  readonly port: number;
  readonly certificate: string;
  readonly injects: boolean;
}
export const placeholder = 'corral-bench-placeholder';
export const secret = 'sk-a-secret-of-the-bench-0123456789';
const address = '203.0.113.7';

export async function open(
  { port, certificate, injects }: Argument,
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  const authority = egressAuthority([new Secret('a key of the installation')], Date.now);
  const credential: Credential = {
    name: 'bench',
    header: 'x-api-key',
    write: (text) => text,
    placeholder,
    hosts: [parseEntry(host) as Entry],
    value: async () => new Secret(secret),
  };
  const proxy = await egressBench({
    policy: { kind: 'allow-list', entries: [host] },
    names: { [host]: [address] },
    servers: { [`${address}:443`]: port },
    limits: { bytesPerHour: Number.POSITIVE_INFINITY }, // the rounds take more than a session may in an hour
    ...(injects && { credentials: { of: () => [credential], authority, trusted: certificate } }),
  });
  stack.use(proxy);
  return { listen: () => ({ path: proxy.path, ca: injects ? authority.pem : certificate }) };
}
