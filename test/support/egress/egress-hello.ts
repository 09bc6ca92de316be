import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

export async function helloOf(servername?: string): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      resolve(chunk);
      done();
    },
  });
  const socket = connect({ socket: wire, ...(servername !== undefined && { servername }) }).on('error', () => {});
  const hello = await promise;
  socket.destroy();
  return hello;
}

/** The ClientHello with an additional extension at its end, and all lengths corrected. */
export function withExtension(hello: Buffer, type: number, body: Buffer): Buffer {
  const extension = Buffer.concat([Buffer.from([type >> 8, type & 255, body.length >> 8, body.length & 255]), body]);
  const longer = Buffer.concat([hello, extension]);
  longer.writeUInt16BE(longer.length - 5, 3);
  longer.writeUIntBE(longer.length - 9, 6, 3);
  let at = 5 + 4 + 2 + 32;
  at += 1 + longer.readUInt8(at);
  at += 2 + longer.readUInt16BE(at);
  at += 1 + longer.readUInt8(at);
  longer.writeUInt16BE(longer.length - at - 2, at);
  return longer;
}
