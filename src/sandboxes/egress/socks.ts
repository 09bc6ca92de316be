import { canonicalAddress } from '../../core/text/address-range.ts';
import type { Client } from './client.ts';
import type { OpenedUpstream, OpenUpstream } from './open-upstream.ts';
import { readExactly } from './streams.ts';
import { type Target, targetOf } from './target.ts';

type OpenConnection = Extract<OpenedUpstream, { kind: 'open' }>;

const version = 5;
const reply = (code: number): Uint8Array => Uint8Array.from([version, code, 0, 1, 0, 0, 0, 0, 0, 0]);
const unsupportedCommand = 7;
const unsupportedAddress = 8;

/** SOCKS5 (RFC 1928) without authentication, CONNECT only. Undefined when the request was refused and answered. */
export async function socksConnect(
  client: Client,
  open: OpenUpstream,
): Promise<{ to: Target; open: OpenConnection } | undefined> {
  const { socket } = client;
  const [, methods = 0] = (await readExactly(socket, 2)) ?? [];
  const offered = methods > 0 ? await readExactly(socket, methods) : undefined;
  if (!offered?.includes(0)) return hangUp(client, Uint8Array.from([version, 0xff]));
  socket.write(Uint8Array.from([version, 0]));

  const [ver, command, , type] = (await readExactly(socket, 4)) ?? [];
  if (ver !== version) return hangUp(client, reply(1));
  if (command !== 1) return hangUp(client, reply(unsupportedCommand));
  const host = await readHost(client, type);
  const port = await readExactly(socket, 2);
  client.helloDone();
  if (!host || !port) return hangUp(client, reply(unsupportedAddress));

  const to = targetOf(host, port.readUInt16BE());
  const opened = await open(client, to);
  if (opened.kind === 'refused') return hangUp(client, reply(opened.refusal.socksReply));
  socket.write(reply(0));
  return { to, open: opened };
}

async function readHost({ socket }: Client, type: number | undefined): Promise<string | undefined> {
  if (type === 1) return (await readExactly(socket, 4))?.join('.');
  if (type === 4) {
    const words = (await readExactly(socket, 16))?.toString('hex').match(/.{4}/g)?.join(':');
    return words && canonicalAddress(words);
  }
  if (type !== 3) return undefined;
  const [length = 0] = (await readExactly(socket, 1)) ?? [];
  return length > 0 ? (await readExactly(socket, length))?.toString('latin1') : undefined;
}

function hangUp(client: Client, last: Uint8Array): undefined {
  client.farewell(last);
  return undefined;
}
