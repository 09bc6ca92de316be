const patienceMs = 5_000;

/**
 * Lets a create request finish once it is sent, so that the caller can remove the object: an abandoned request could
 * create one that nobody tracks. Between attempts, of which an unavailable API server causes many, the call rejects as
 * soon as the signal fires.
 */
export async function finishOnceSent<Made>(
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
