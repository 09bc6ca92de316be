import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

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
