import { once } from 'node:events';
import WebSocket from 'ws';

/**
 * A minimal viewer that can also break the protocol. Connects and completes the handshake, with 32 bits per pixel and only
 * the raw encoding.
 */
export async function rfbClient(url: string, options: { protocols?: string[] } = {}) {
  const ws = new WebSocket(url, options.protocols ?? ['binary']);
  /** The messages of the server in text frames. */
  const reports: { readonly type: string; readonly who: string }[] = [];
  let have = Buffer.alloc(0);
  let wake = () => {};
  ws.on('message', (data, isBinary) => {
    if (!isBinary) return void reports.push(JSON.parse(`${data}`));
    have = Buffer.concat([have, data as Buffer]);
    return wake();
  });
  ws.on('error', () => {});
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => {
      resolve({ code, reason: `${reason}` });
      wake();
    });
  });
  await once(ws, 'open');
  const read = async (length: number): Promise<Buffer> => {
    while (have.length < length) {
      if (ws.readyState !== WebSocket.OPEN) throw new Error('the viewer was closed');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const bytes = have.subarray(0, length);
    have = have.subarray(length);
    return bytes;
  };
  const send = (bytes: Uint8Array | readonly number[]) => ws.send(Buffer.from(bytes as Uint8Array));

  const version = `${await read(12)}`;
  if (version !== 'RFB 003.008\n') throw new Error(`it speaks ${version}`);
  send(Buffer.from(version));
  const types = await read((await read(1))[0] ?? 0);
  if (types.toString('hex') !== '01') throw new Error(`it offers the security types ${types.toString('hex')}`);
  send([1]);
  if ((await read(4)).readUInt32BE(0) !== 0) throw new Error('it refused');
  send([1]);
  const init = await read(24);
  await read(init.readUInt32BE(20));
  send([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
  send([2, 0, 0, 1, 0, 0, 0, 0]);
  const pointer = (mask: number, x: number, y: number) => {
    const event = Buffer.from([5, mask, 0, 0, 0, 0]);
    event.writeUInt16BE(x, 2);
    event.writeUInt16BE(y, 4);
    send(event);
  };
  return {
    ws,
    closed,
    reports,
    size: { width: init.readUInt16BE(0), height: init.readUInt16BE(2) },
    send,
    key(keysym: number) {
      for (const down of [1, 0]) {
        const event = Buffer.from([4, down, 0, 0, 0, 0, 0, 0]);
        event.writeUInt32BE(keysym, 4);
        send(event);
      }
    },
    click(x: number, y: number) {
      pointer(1, x, y);
      pointer(0, x, y);
    },
    /** Requests the pixel from the server, as 0xRRGGBB. */
    async pixel(x: number, y: number) {
      const ask = Buffer.from([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
      ask.writeUInt16BE(x, 2);
      ask.writeUInt16BE(y, 4);
      send(ask);
      for (;;) {
        const [type] = await read(1);
        if (type === 2) continue; // bell
        if (type === 3) {
          await read((await read(7)).readUInt32BE(3));
          continue;
        }
        const rectangles = (await read(3)).readUInt16BE(1);
        let last = 0;
        for (let n = 0; n < rectangles; n++) {
          const head = await read(12);
          last = (await read(head.readUInt16BE(4) * head.readUInt16BE(6) * 4)).readUInt32LE(0) & 0xffffff;
        }
        return last;
      }
    },
    [Symbol.dispose]: () => ws.terminate(),
  };
}
