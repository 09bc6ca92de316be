import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openKubeCredentials } from '../../../drivers/kubernetes/api/credentials.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { createTempFolder } from './folder.ts';

export interface ApiProxy {
  readonly kubeconfig: string;
  /** Returns the counts since the previous take(). */
  take(): { readonly calls: number; readonly bytes: number };
}

export async function startApiProxy(stack: AsyncDisposableStack, behind: string | undefined): Promise<ApiProxy> {
  const credentials = stack.use(openKubeCredentials({ kubeconfig: behind, context: undefined, clock: systemClock }));
  let [calls, bytes] = [0, 0];

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    calls += 1;
    const { headers, ...options } = await credentials.apply();
    const onward = httpsRequest(new URL(incoming.url ?? '', credentials.server), {
      ...options,
      method: incoming.method,
      headers: { ...incoming.headers, ...(headers as Record<string, string>), host: credentials.server.host },
    });
    onward.on('error', () => outgoing.destroy());
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    outgoing.on('close', () => onward.destroy());
    incoming.on('error', () => onward.destroy()).pipe(onward);
  }

  const server = createServer((incoming, outgoing) => void pass(incoming, outgoing).catch(() => outgoing.destroy()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const kubeconfig = join(stack.use(await createTempFolder()).path, 'proxied');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(kubeconfig, JSON.stringify(configOf(address)));
  return {
    kubeconfig,
    take() {
      const taken = { calls, bytes };
      [calls, bytes] = [0, 0];
      return taken;
    },
  };
}

const configOf = (server: string) => ({
  kind: 'Config',
  'current-context': 'proxied',
  clusters: [{ name: 'proxied', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'proxied', user: {} }],
  contexts: [{ name: 'proxied', context: { cluster: 'proxied', user: 'proxied' } }],
});
