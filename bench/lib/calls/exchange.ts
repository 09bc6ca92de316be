import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { monotonicMs } from '../measure/generator.ts';

/** Sends a POST on a connection that is already open; resolves with the time of the first byte and with the answer. */
export async function timedPost(url: string, body: object): Promise<{ sentAt: number; answer: string }> {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
  await once(socket, 'connect');
  const json = JSON.stringify(body);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(json)}`,
    'Connection: close',
  ];
  const request = `${head.join('\r\n')}\r\n\r\n${json}`;
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const sentAt = monotonicMs();
  socket.write(request);
  await once(socket, 'close');
  return { sentAt, answer };
}

/** A connection for events, after the server has confirmed the subscription. */
export async function openSse(url: string, after?: number): Promise<Socket> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
  await once(socket, 'connect');
  const last = after === undefined ? '' : `Last-Event-ID: ${after}\r\n`;
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n${last}\r\n`);
  const [head] = (await once(socket, 'data')) as [string];
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`${url} answered ${head.slice(0, 100)}`);
  const events = head.slice(head.indexOf('\r\n\r\n') + 4);
  if (events !== '') socket.unshift(events, 'latin1');
  return socket;
}

/** A waiting SSE client: resolves with the time of the first frame that contains this text. */
export async function waitingClient(url: string): Promise<{ hears(text: string): Promise<number> } & Disposable> {
  const socket = await openSse(url);
  let wanted = '';
  let recent = '';
  let heard: (at: number) => void = () => {};
  socket.on('data', (chunk) => {
    const at = monotonicMs();
    recent += chunk;
    if (wanted !== '' && recent.includes(wanted)) heard(at);
  });
  return {
    hears(text) {
      wanted = text;
      recent = '';
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const late = setTimeout(() => reject(new Error('the event did not come within 10 s')), 10_000);
      heard = (at) => {
        clearTimeout(late);
        wanted = '';
        resolve(at);
      };
      return promise;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}
