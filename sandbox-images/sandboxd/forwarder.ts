import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

/** Where connections out of the sandbox go, and what is said there first. */
export interface WayOut {
  readonly to: NetConnectOpts;
  readonly preface: string;
}

/** The server's socket in the sandbox's folder, or where there is none its port, to which we say who we are. */
export function wayOut(socketPath: string, sandboxId: string, env: NodeJS.ProcessEnv): WayOut {
  const url = env.CORRAL_EGRESS_URL ? URL.parse(env.CORRAL_EGRESS_URL) : undefined;
  if (!url) return { to: { path: socketPath }, preface: '' };
  const preface = `corral-egress 1 ${sandboxId} ${env.CORRAL_EGRESS_TOKEN ?? ''}\n`;
  return { to: { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }, preface };
}

/** A loopback port whose connections all go the one way out: what HTTP(S)_PROXY points at. */
export function forwarder(port: number, { to, preface }: WayOut, log: (text: string) => void): Server {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    if (preface !== '') far.write(preface);
    join(near, far);
    join(far, near);
  });
  server.on('error', (error) => log(`nothing forwards 127.0.0.1:${port}: ${error.message}`));
  return server.listen(port, '127.0.0.1');
}

/** `pipe` holds back and passes on the end of one direction alone; a failure ends both. */
function join(from: Socket, to: Socket): void {
  from.setNoDelay?.(true);
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
}
