import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { BSON } from 'mongodb';

/**
 * `lose`: the server acts, but its answer and the connection are lost. `cut`: the connection ends before the server
 * acts. `hang`: the proxy forwards nothing. A number: the code of the error that the proxy answers.
 */
export type MongoTrouble = 'lose' | 'hang' | 'cut' | number | { readonly delayMs: number };
export interface MongoProxy extends AsyncDisposable {
  readonly url: string;
  /** The next commands that match meet this trouble, at most `times` of them. */
  cause(command: RegExp, trouble: MongoTrouble, times?: number): void;
  /** Ends all trouble. */
  calm(): void;
  /** Ends every connection, and refuses new ones until it is opened again. */
  close(): Promise<void>;
  open(): Promise<void>;
  /** The commands so far, as name and collection. */
  readonly seen: readonly string[];
}

const messageCode = 2013;

/** A proxy between a store and its database that reads the commands and makes trouble on demand. */
export async function mongoProxy(target: string): Promise<MongoProxy> {
  const { hostname, port: behind } = new URL(target);
  const troubles: { command: RegExp; trouble: MongoTrouble; left: number }[] = [];
  const seen: string[] = [];
  const open = new Set<Socket>();
  let port = 0;
  let server = listener();

  function listener() {
    return createServer((client) => {
      const onward = connect(Number(behind), hostname);
      for (const socket of [client, onward]) {
        open.add(socket.on('error', () => {}));
        socket.on('close', () => {
          open.delete(socket);
          client.destroy();
          onward.destroy();
        });
      }
      let losing = false;
      onward.on('data', (chunk) => (losing ? client.destroy() : client.write(chunk)));
      messages(client, (message) => {
        const command = commandIn(message);
        seen.push(command);
        const found = troubles.find(({ command: what, left }) => left > 0 && what.test(command));
        if (!found) return void onward.write(message);
        found.left -= 1;
        const { trouble } = found;
        if (trouble === 'hang') return;
        if (trouble === 'cut') return void client.destroy();
        if (typeof trouble === 'number') return void client.write(refusal(message, trouble));
        if (trouble === 'lose') losing = true;
        setTimeout(() => onward.write(message), typeof trouble === 'object' ? trouble.delayMs : 0).unref();
      });
    });
  }

  const proxy: MongoProxy = {
    get url() {
      return `mongodb://127.0.0.1:${port}/`;
    },
    seen,
    cause: (command, trouble, times = 1) => void troubles.push({ command, trouble, left: times }),
    calm: () => void troubles.splice(0),
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
    async open() {
      server = listener();
      await once(server.listen(port, '127.0.0.1'), 'listening');
      port = (server.address() as { port: number }).port;
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await proxy.close();
    },
  };
  await proxy.open();
  return proxy;
}

/** Calls `onMessage` with each whole message, however the bytes arrive. */
function messages(socket: Socket, onMessage: (message: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 16 && pending.length >= pending.readInt32LE(0)) {
      const length = pending.readInt32LE(0);
      onMessage(pending.subarray(0, length));
      pending = pending.subarray(length);
    }
  });
}

/** The command's name and collection, such as `insert events`. */
function commandIn(message: Buffer): string {
  if (message.readInt32LE(12) !== messageCode || message[20] !== 0) return '?';
  const body = BSON.deserialize(message.subarray(21, 21 + message.readInt32LE(21)), { promoteBuffers: true });
  const [name = '?', value] = Object.entries(body)[0] ?? [];
  return typeof value === 'string' ? `${name} ${value}` : name;
}

function refusal(message: Buffer, code: number): Buffer {
  const body = BSON.serialize({ ok: 0, code, codeName: 'Trouble', errmsg: 'trouble on demand' });
  const head = Buffer.alloc(21);
  head.writeInt32LE(21 + body.length, 0);
  head.writeInt32LE(message.readInt32LE(4), 8);
  head.writeInt32LE(messageCode, 12);
  return Buffer.concat([head, body]);
}
