import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Ports below those that the kernel assigns to connections and to servers on port 0, so nobody gets one by chance. */
const [first, count] = [20_000, 12_000];
let next = Math.floor(Math.random() * count);

/** A port of this machine without a listener. It belongs to this process until its end, with or without one. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < count; tried++) {
    const port = first + (next++ % count);
    const claim = await listener(`\0corral-test-port-${port}`);
    claim?.unref();
    const server = claim && (await listener(port));
    if (!server) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no port is free');
}

async function listener(at: string | number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  const opened = once(typeof at === 'string' ? server.listen(at) : server.listen(at, '127.0.0.1'), 'listening');
  return await opened.then(
    () => server,
    () => undefined,
  );
}
