import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startChild } from '../lib/child-process.ts';
import { hashOf, host } from '../lib/egress-origin.ts';
import { placeholder, secret } from '../lib/egress-proxy.ts';
import { monotonicMs } from '../lib/generator.ts';
import { type Experiment, type Goal, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';

// The price of the egress proxy: an HTTPS GET of an origin on this machine on a new connection, and 100 MB. `tunnel`: the
// proxy decides and passes bytes on. `injection`: it also ends the TLS and fills in a secret. The peer asks the origin
// directly. The daemon's forwarder in a sandbox, and its network, are not in it.

const ways = ['tunnel', 'injection'] as const;
type Way = (typeof ways)[number];
const sizes = { get: 0, '100 MB': 100_000_000 } as const;
type What = keyof typeof sizes;

export const P25: Row = {
  id: 'P25',
  title: 'the egress proxy',
  missing: nothingMissing,
  experiments: (mode) => ways.flatMap((way) => (['get', '100 MB'] as const).map((what) => experiment(way, what, mode))),
};

/** Times; 1.43 is 0.7 of the speed. */
const goals: Readonly<Record<Way, Readonly<Record<What, Goal>>>> = {
  tunnel: { get: { stat: 'p50', max: 1.5, level: 'lead' }, '100 MB': { stat: 'p50', max: 1.43, level: 'lead' } },
  injection: { get: { stat: 'p50', max: 2, level: 'lead' }, '100 MB': { stat: 'p50', max: 2, level: 'lead' } },
};

function experiment(way: Way, what: What, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P25', variant: { way, what }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'egress-proxy', peer: 'direct' },
    goals: [goals[way][what]],
    rounds: { warmUp: 2, min: 5, max: quick ? 12 : 60, capMs: quick ? 8_000 : 90_000 },
    open: () => openPair(way, what, quick ? 30 : 200),
  };
}

interface Origin {
  readonly port: number;
  readonly certificate: string;
}

async function openPair(way: Way, what: What, times: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const origin = await stack.use(await startChild('egress-origin', {})).call<Origin>('listen');
  const proxy = stack.use(await startChild('egress-proxy', { ...origin, injects: way === 'injection' }));
  const { path, ca } = await proxy.call<{ path: string; ca: string }>('listen');
  const size = sizes[what];
  const round = async (dial: () => Promise<Socket>, trusted: string, isFilled: boolean) => {
    const samples: number[] = [];
    for (let n = 0; n < (size > 0 ? 1 : times); n++) {
      const from = monotonicMs();
      const answer = await got(await dial(), trusted, size);
      samples.push(monotonicMs() - from);
      const expected = hashOf(isFilled ? secret : placeholder);
      if (size > 0 ? answer.bytes !== size : answer.text !== expected) throw new Error('the origin saw another secret');
    }
    return { samples };
  };
  const direct = async () => connectTcp(origin.port, '127.0.0.1').setNoDelay(true);
  const held = stack.move();
  return {
    subject: () => round(() => tunnelled(path), ca, way === 'injection'),
    peer: () => round(direct, origin.certificate, false),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** A connection to the origin through the proxy. */
async function tunnelled(path: string): Promise<Socket> {
  const socket = connectTcp(path);
  socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  if (!answer.toString().startsWith('HTTP/1.1 200')) throw new Error(`the proxy answered ${answer.toString()}`);
  return socket;
}

async function got(socket: Socket, ca: string, size: number): Promise<{ bytes: number; text: string }> {
  const secure = connectTls({ socket, servername: host, ca });
  await once(secure, 'secureConnect');
  const headers = { host, 'x-api-key': placeholder, connection: 'close' };
  const asked = request({ createConnection: () => secure, path: `/${size || ''}`, headers }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let [bytes, text] = [0, ''];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (size === 0) text += chunk.toString();
  }
  secure.destroy();
  return { bytes, text };
}
