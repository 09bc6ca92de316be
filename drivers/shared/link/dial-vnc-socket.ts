import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';

// The sandbox can write to the display's folder, so the server follows no links and dials the file it checked.

export const screenFolder = 'screen';
const socketName = 'vnc';
/** O_PATH, which Node does not export. */
const onlyName = 0x20_0000;
/** More than the kernel buffers between two programs. */
const chunkBytes = 256 * 1024;
/** Smaller chunks are copied, because each would otherwise occupy a whole buffer. */
const copiedBytes = 16 * 1024;

/** Undefined if no display listens or its socket is on another mount. Sandboxes must not be able to change `home`. */
export async function dialVncSocket(home: string): Promise<Socket | undefined> {
  using opened = new DisposableStack();
  const handle = (path: string, flags = 0): number =>
    opened.adopt(openSync(path, onlyName | constants.O_NOFOLLOW | flags), closeSync);
  let socket: number;
  try {
    const own = handle(home, constants.O_DIRECTORY);
    const folder = handle(`${self(own)}/${screenFolder}`, constants.O_DIRECTORY);
    socket = handle(`${self(folder)}/${socketName}`);
    const isOfTheFolder = readMountId(socket) === readMountId(own) && readMountId(folder) === readMountId(own);
    if (!isOfTheFolder || !fstatSync(socket).isSocket()) return undefined;
  } catch {
    return undefined;
  }
  return await connected(self(socket));
}

const self = (handle: number) => `/proc/self/fd/${handle}`;
const readMountId = (handle: number) =>
  /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${handle}`, 'latin1'))?.[1] ?? 'unknown';

async function connected(path: string): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  const socket = largeReads();
  socket.on('error', () => {});
  socket.once('connect', () => resolve(socket)).once('close', () => resolve(undefined));
  socket.connect({ path });
  return await promise;
}

function largeReads(): Socket {
  let spare: Uint8Array | undefined;
  const socket: Socket = new Socket({
    onread: {
      buffer() {
        const buffer = spare ?? Buffer.allocUnsafeSlow(chunkBytes);
        spare = undefined;
        return buffer;
      },
      callback(size, buffer) {
        const chunk = buffer.subarray(0, size);
        if (size >= copiedBytes) return socket.push(chunk);
        spare = buffer;
        return socket.push(Buffer.from(chunk));
      },
    },
  });
  return socket;
}
