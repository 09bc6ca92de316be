import type { Duplex } from 'node:stream';

interface ScreenPath {
  /** Dials the display without the daemon; undefined: no display can be reached so. */
  dial(): Promise<Duplex | undefined>;
  /** Starts the desktop if it does not run. */
  start(): Promise<unknown>;
  /** Opens the stream that counts this viewer at the daemon. Rejects: conflict (too many viewers). */
  count(): Promise<Duplex>;
}

const touchMs = 1_000;
const oneByte = Buffer.alloc(1);

/**
 * A connection straight to the display; undefined where the daemon has to relay. The daemon cannot see such a viewer, so a
 * silent stream tells it that the viewer is there, and that it does something. The viewer need not wait for this stream,
 * but it loses its connection if the daemon refuses it.
 */
export async function directScreen({ dial, start, count }: ScreenPath): Promise<Duplex | undefined> {
  let screen = await dial();
  if (!screen) {
    await start();
    screen = await dial();
  }
  if (!screen) return undefined;
  void counted(screen, count).catch(() => screen.destroy());
  return screen;
}

async function counted(screen: Duplex, count: () => Promise<Duplex>): Promise<void> {
  const seat = await count();
  let seen = 0;
  const timer = setInterval(() => {
    const { bytesWritten = 0 } = screen as { bytesWritten?: number };
    if (bytesWritten === seen || seat.destroyed) return;
    seen = bytesWritten;
    seat.write(oneByte);
  }, touchMs).unref();
  const leave = () => {
    clearInterval(timer);
    seat.destroy();
  };
  if (screen.destroyed) leave();
  else screen.once('close', leave);
}
