import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { selfSigned } from '../../../test/support/egress/egress-certificate.ts';
import type { ProgramMethods } from './child-process.ts';

// An HTTPS server on loopback. It answers with the number of bytes in the path, or with the hash of the secret that it
// received, because the proxy cuts off an answer that contains the secret itself.

export const originHost = 'origin.example.test';
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export async function open(_none: unknown, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  const certificate = selfSigned(originHost);
  const chunk = Buffer.alloc(64 * 1_024, 'x');
  const server = createServer(certificate, async (request, answer) => {
    const size = Number(request.url?.slice(1));
    const seen = hashOf(String(request.headers['x-api-key']));
    answer.writeHead(200, { 'content-length': size || seen.length });
    for (let left = size; left > 0; left -= chunk.length) {
      if (!answer.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) await once(answer, 'drain');
    }
    answer.end(size ? undefined : seen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { listen: () => ({ port, certificate: certificate.cert }) };
}
