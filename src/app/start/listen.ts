import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../../core/errors/errors.ts';
import { includeInConnectionLimit } from '../../http/guard/connection-limit.ts';
import { listenerOptions } from '../../http/routes/app.ts';

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export async function listenWithAdvice<Value>(place: ListenAddress, listen: () => Promise<Value>): Promise<Value> {
  try {
    return await listen();
  } catch (cause) {
    const advice = adviceFor(cause as NodeJS.ErrnoException, place);
    if (advice === undefined) throw cause;
    throw new AppError('invalid_request', `The server cannot listen on ${place.host}:${place.port}: ${advice}`, {
      cause,
    });
  }
}

function adviceFor({ code }: NodeJS.ErrnoException, { host, port }: ListenAddress): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `another program listens there already, perhaps another Corral. Stop it, or choose another port, such as PORT=${port + 1}.`;
    case 'EACCES':
      return 'this user does not have permission to use that port. Set PORT to 1024 or higher.';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine. Set HOST to one, such as 127.0.0.1.`;
    default:
      return undefined;
  }
}

export async function listenOnExtraPort(
  server: Server,
  host: string,
  port: number,
): Promise<AsyncDisposable & { readonly port: number }> {
  const more = createServer(listenerOptions);
  more.maxHeadersCount = server.maxHeadersCount;
  includeInConnectionLimit(server, more);
  more.on('request', (...values) => server.emit('request', ...values));
  more.on('upgrade', (...values) => server.emit('upgrade', ...values));
  more.on('clientError', (...values) => server.emit('clientError', ...values));
  more.listen(port, host);
  await listenWithAdvice({ host, port }, () => once(more, 'listening'));
  return {
    port: (more.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      more.close();
      more.closeAllConnections();
      await once(more, 'close');
    },
  };
}
