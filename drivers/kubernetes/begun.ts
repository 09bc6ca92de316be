const patienceMs = 5_000;

/**
 * Who gives up leaves at once, but a request that makes something is waited for once it is on its way, so that what it
 * made can be taken away again: given up half-way, it could make a thing that nobody looks for. Between its attempts,
 * of which there may be many while the API server has trouble, it can be given up.
 */
export async function onceBegun<Made>(
  make: (signal: AbortSignal) => Promise<Made>,
  signal: AbortSignal,
): Promise<Made> {
  const stop = new AbortController();
  const giveUp = () => setTimeout(() => stop.abort(signal.reason), patienceMs).unref();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await make(signal.aborted ? signal : stop.signal);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
