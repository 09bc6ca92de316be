import type { ToolServerFetchFactory } from '../../agents/mcp/connect.ts';
import type { NetworkReach } from '../../agents/models/registry.ts';
import { createGuardedFetch } from '../../sandboxes/egress/fetch/guarded-fetch.ts';
import type { Config } from '../settings/config.ts';
import { isLoopback } from '../settings/contradictions.ts';

/** Cloud metadata services are not included: they are link-local or in `denyRanges`. */
const allowRanges = [
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'],
  ...['::1/128', 'fc00::/7'],
];
const denyRanges = ['100.100.100.200/32', 'fd00:ec2::254/128'];

const within = {
  public: createGuardedFetch(),
  private: createGuardedFetch({ addresses: { allowRanges, denyRanges } }),
} satisfies Record<NetworkReach, unknown>;

/** Connects only to the address that was checked. */
export const createReachLimitedFetch =
  (reach: NetworkReach): typeof fetch =>
  (input, init) =>
    within[reach](input instanceof Request ? input.url : input, init);

/** `auto` includes private networks only if every local program already has administrator rights. */
export function chooseNetworkReach(
  { host, token }: Pick<Config, 'host' | 'token'>,
  requested: { readonly setting: 'auto' | 'allow' | 'refuse'; readonly needsCredential: boolean },
): NetworkReach {
  const { setting, needsCredential } = requested;
  if (setting === 'auto') return isLoopback(host) && !token && !needsCredential ? 'private' : 'public';
  return setting === 'allow' ? 'private' : 'public';
}

export function createToolServerFetchFactory(listed: readonly string[]): ToolServerFetchFactory {
  const usual = createGuardedFetch({ addresses: { allowRanges: listed } });
  const within = createGuardedFetch({
    addresses: { allowRanges: [...allowRanges, ...listed], denyRanges },
  });
  return ({ reach }) => (reach === 'private' ? within : usual);
}
