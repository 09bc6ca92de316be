import { expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

test('a change of the egress settings reaches the proxy of a sandbox that runs', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await composedServer({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: '' });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => endSandboxes(server.config.dataDir));
  using client = openClient(server.url, 'sse');
  const { id: sessionId } = await client.sessions.create.mutate({});
  const change = (key: string, value: string | string[]) => client.settings.change.mutate({ key, value });
  const starts = new Set<string>();
  /** The status of the proxy's answer: 403 refuses the host; the name of a listed one does not resolve. */
  const ask = async () => {
    const request = 'GET http://listed.invalid/ HTTP/1.1\\r\\nHost: listed.invalid\\r\\nConnection: close\\r\\n\\r\\n';
    const command = `cut -d' ' -f22 /proc/1/stat; exec 9<>/dev/tcp/127.0.0.1/3128; printf '${request}' >&9; head -1 <&9 | cut -d' ' -f2`;
    const { stdout } = await client.sandbox.exec.mutate({ sessionId, command });
    const [start = '', status = ''] = stdout.trim().split('\n');
    starts.add(start);
    return status;
  };
  await change('egress.policy', 'allow-list');
  expect(await ask()).toBe('403');
  await change('egress.allow', ['listed.invalid']);
  expect(await ask()).toBe('502');
  await change('egress.policy', 'none');
  expect([await ask(), starts.size]).toEqual(['403', 1]); // the same sandbox all the time
  const { events } = await client.events.list.query({ sessionId, limit: 1_000 });
  const decisions = events.flatMap((event) => (event.type === 'egress' ? [event.data.decision] : []));
  expect(decisions[0]).toBe('refused');
  expect(decisions).toContain('allowed');
});
