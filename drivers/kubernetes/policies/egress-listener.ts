import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { SandboxId, sessionIdOf } from '../../../src/core/model/ids.ts';
import type { EgressHandler } from '../../driver.ts';
import { type LineReader, readFirstLine } from '../../shared/link/handshake.ts';
import { listenOnSharedPort } from '../../shared/link/shared-port.ts';
import type { HostAndPort } from '../options.ts';
import type { SandboxTokenDeriver } from '../pods/sandbox-tokens.ts';

const maxLine = 256;

/** Listens for the pods' forwarders. Each connection's first line proves which sandbox is dialling. */
export async function listenForEgress({
  listen,
  keys,
  gate,
}: {
  listen: HostAndPort;
  keys: SandboxTokenDeriver;
  gate: EgressHandler;
}) {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    const line = await readFirstLine(socket, lineBeforeRest(socket));
    const id = line === undefined ? undefined : provenId(line, keys);
    if (id) gate.serve(socket, { id, sessionId: sessionIdOf(id) });
    else socket.destroy();
  });
  server.maxConnections = 4_096;
  const shared = await listenOnSharedPort(server, listen, (place) => once(server.listen(place), 'listening'));
  server.on('error', () => {}); // ignores errors such as EMFILE on accept: a later connection may succeed
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : listen.port,
    async [Symbol.asyncDispose]() {
      const closed = Promise.all([shared.close(), new Promise((done) => server.close(done))]);
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function provenId(line: string, keys: SandboxTokenDeriver): SandboxId | undefined {
  const [, text = '', token = ''] = /^corral-egress 1 (\S+) (\S+)$/.exec(line) ?? [];
  const id = SandboxId.safeParse(text).data;
  return id && keys.provesEgress(id, token) ? id : undefined;
}

/** Leaves the bytes after the first line in the socket. Reports an overlong line as empty. */
function lineBeforeRest(socket: Socket): LineReader {
  let seen = Buffer.alloc(0);
  return (chunk, found) => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf(10);
    if (end < 0 && seen.length <= maxLine) return;
    socket.pause();
    if (end >= 0 && end + 1 < seen.length) socket.unshift(seen.subarray(end + 1));
    found(end < 0 || end > maxLine ? '' : seen.toString('latin1', 0, end));
  };
}
