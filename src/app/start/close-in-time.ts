import type { Server } from 'node:http';

interface Closing {
  readonly server: Pick<Server, 'closeAllConnections'>;
  close(): Promise<unknown>;
}

/**
 * Closes the server. A request that is still open after `patienceMs` is cut, because it may wait for a store or an engine
 * that is away, and what else must end in good order would have no time left.
 */
export async function closeInTime(app: Closing, patienceMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), patienceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}
