import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startProgram } from '../lib/calls/child-process.ts';
import { hashOf, originHost } from '../lib/calls/egress-origin.ts';
import { credentialPlaceholder, injectedSecret } from '../lib/calls/egress-proxy.ts';
import { measureSamples } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  type Experiment,
  type ExperimentSides,
  timeDefaults,
} from '../lib/measure/measure.ts';
import { startTinyproxy, tinyproxyProgram } from '../peers/tinyproxy.ts';

// The cost of the egress proxy: an HTTPS GET from an origin on this machine over a new connection, and 100 MB.
// `tunnel`: the proxy decides and passes bytes on, compared with tinyproxy with the same host in its allow-list.
// `injection`: the proxy also terminates TLS and fills in a secret, compared with direct calls to the origin. The
// sandbox's network and its daemon's forwarder are not measured.

const sizes = { get: 0, '100 MB': 100_000_000 } as const;
/** Upper bounds of the ratio to the peer's time. A ratio of 1.43 means 0.7 of the peer's rate. */
const limits = { tunnel: { get: 1.5, '100 MB': 1.43 }, injection: { get: 2, '100 MB': 2 } } as const;
interface Variant {
  readonly through: 'tunnel' | 'injection';
  readonly what: keyof typeof sizes;
}

export const egress: BenchRow = {
  name: 'egress',
  title: 'a GET and 100 MB through the egress proxy, with a credential filled in',
  experiments: (mode) => experiments('injection', mode),
};
export const egressTunnel: BenchRow = {
  name: 'egress',
  title: 'a GET and 100 MB through the egress proxy',
  missing: async () => (existsSync(tinyproxyProgram) ? undefined : 'tinyproxy is not installed'),
  experiments: (mode) => experiments('tunnel', mode),
};

const experiments = (through: Variant['through'], mode: BenchMode): Experiment[] =>
  (['get', '100 MB'] as const).map((what) => ({
    ...timeDefaults,
    variant: { through, what },
    subject: 'egress-proxy',
    peer: through === 'tunnel' ? 'tinyproxy' : 'direct',
    goals: [{ stat: 'p50', max: limits[through][what] }],
    rounds: { ...computeRoundLimits(mode, 8_000), warmUp: 2 },
    open: (stack) => openPair(stack, { through, what }, mode === 'quick' ? 30 : 200),
  }));

async function openPair(
  stack: AsyncDisposableStack,
  { through, what }: Variant,
  times: number,
): Promise<ExperimentSides> {
  const origin = await stack
    .use(await startProgram('egress-origin', {}))
    .call<{ port: number; certificate: string }>('listen');
  const proxy = stack.use(await startProgram('egress-proxy', { ...origin, injects: through === 'injection' }));
  const { path, ca } = await proxy.call<{ path: string; ca: string }>('listen');
  const size = sizes[what];
  const round = (dial: () => Promise<Socket>, trusted: string, isFilled: boolean) =>
    measureSamples(size > 0 ? 1 : times, async () => {
      const answer = await got(await dial(), trusted, size);
      const expected = hashOf(isFilled ? injectedSecret : credentialPlaceholder);
      if (size > 0 ? answer.bytes !== size : answer.text !== expected) throw new Error('the origin saw another secret');
    });
  const local = (port: number) => connectTcp(port, '127.0.0.1').setNoDelay(true);
  const other = through === 'tunnel' && (await startTinyproxy(stack, '127.0.0.1', origin.port));
  const dialPeer = async () => (other ? tunnelled(local(other), `127.0.0.1:${origin.port}`) : local(origin.port));
  return {
    subject: () => round(() => tunnelled(connectTcp(path), `${originHost}:443`), ca, through === 'injection'),
    peer: () => round(dialPeer, origin.certificate, false),
  };
}

async function tunnelled(socket: Socket, origin: string): Promise<Socket> {
  socket.write(`CONNECT ${origin} HTTP/1.1\r\nHost: ${origin}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  if (!/^HTTP\/1\.[01] 200/.test(answer.toString())) throw new Error(`the proxy answered ${answer.toString()}`);
  return socket;
}

async function got(socket: Socket, ca: string, size: number): Promise<{ bytes: number; text: string }> {
  const secure = connectTls({ socket, servername: originHost, ca });
  await once(secure, 'secureConnect');
  const headers = { host: originHost, 'x-api-key': credentialPlaceholder, connection: 'close' };
  const clientRequest = request({ createConnection: () => secure, path: `/${size || ''}`, headers }).end();
  const [answer] = (await once(clientRequest, 'response')) as [IncomingMessage];
  let [bytes, text] = [0, ''];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (size === 0) text += chunk.toString();
  }
  secure.destroy();
  return { bytes, text };
}
