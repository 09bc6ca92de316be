import { readFileSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

export interface ProxyTarget {
  readonly to: NetConnectOpts;
  readonly preface: () => string;
}

/** Connections to CORRAL_EGRESS_URL begin with a preface that identifies the sandbox. */
export function resolveProxyTarget(socketPath: string, sandboxId: string, env: NodeJS.ProcessEnv): ProxyTarget {
  const url = env.CORRAL_EGRESS_URL ? URL.parse(env.CORRAL_EGRESS_URL) : undefined;
  if (!url) return { to: { path: socketPath }, preface: () => '' };
  const file = env.CORRAL_EGRESS_FILE;
  const preface = () =>
    file ? readFileSync(file, 'latin1') : `corral-egress 1 ${sandboxId} ${env.CORRAL_EGRESS_TOKEN ?? ''}\n`;
  return { to: { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }, preface };
}

interface Forwarding {
  readonly log: (text: string) => void;
  readonly admits?: ((near: Socket) => Promise<boolean>) | undefined;
}

/** HTTP_PROXY and HTTPS_PROXY point at this loopback port. */
export function startForwarder(port: number, { to, preface }: ProxyTarget, { log, admits }: Forwarding): Server {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: admits !== undefined }, async (near) => {
    if (admits) {
      near.on('error', () => {});
      if (!(await admits(near)) || near.destroyed) return void near.destroy();
    }
    let line: string;
    try {
      line = preface();
    } catch {
      return void near.destroy(); // no session has claimed this sandbox yet
    }
    const far = connect({ ...to, allowHalfOpen: true });
    if (line !== '') far.write(line);
    join(near, far);
    join(far, near);
  });
  server.on('error', (error) => log(`nothing forwards 127.0.0.1:${port}: ${error.message}`));
  return server.listen(port, '127.0.0.1');
}

function join(from: Socket, to: Socket): void {
  from.setNoDelay?.(true);
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
}
