import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { DiallingHttpAgent } from '../../../../drivers/shared/link/dialling-agent.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';

async function daemon(): Promise<number> {
  const server = createServer((_request, response) => response.end('here'));
  server.on('upgrade', (_request, socket) =>
    socket.write('HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  );
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
const get = async (agent: DiallingHttpAgent, headers = {}) => {
  const call = request('http://sandbox/', { agent, headers });
  call.end();
  const [response, socket] = await Promise.race([once(call, 'response'), once(call, 'upgrade')]);
  return { status: response.statusCode, socket };
};
const never = new AbortController().signal;

test('a request waits for a daemon that is just starting again', async () => {
  const port = await daemon();
  let refused = 2;
  const dial = async () => {
    if (refused-- > 0) throw new Error('ECONNREFUSED');
    return connect(port, '127.0.0.1');
  };
  const agent = new DiallingHttpAgent(dial, never);
  expect(await get(agent)).toMatchObject({ status: 200 });
  agent.destroy();
});

test('the next request uses the connection of the last one', async () => {
  const port = await daemon();
  let dialled = 0;
  const dial = async () => {
    dialled += 1;
    return connect(port, '127.0.0.1');
  };
  const agent = new DiallingHttpAgent(dial, never);
  for (let n = 0; n < 3; n++) {
    const call = request('http://sandbox/', { agent }).end();
    const [response] = await once(call, 'response');
    await once(response.resume(), 'end');
    await new Promise(setImmediate); // the agent takes the connection back
  }
  expect(dialled).toBe(1);
  agent.destroy();
});

test('a connection that ended before it could be used fails its request instead of holding it for ever', async () => {
  const ended = new PassThrough();
  ended.destroy();
  await once(ended, 'close');
  const agent = new DiallingHttpAgent(async () => ended, never);
  await expect(get(agent)).rejects.toThrow('The connection was closed');
  agent.destroy();
});

test('a lost sandbox ends its upgraded connections, and later requests fail with the reason', async () => {
  const port = await daemon();
  const lost = new AbortController();
  const agent = new DiallingHttpAgent(async () => connect(port, '127.0.0.1'), lost.signal);
  const { socket } = await get(agent, { connection: 'upgrade', upgrade: 'x' });
  const closed = once(socket, 'close');
  lost.abort(new AppError('sandbox_lost', 'The sandbox was evicted.'));
  await closed;
  await expect(get(agent)).rejects.toMatchObject({ code: 'sandbox_lost', publicMessage: 'The sandbox was evicted.' });
});
