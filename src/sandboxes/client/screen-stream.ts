import type { Duplex } from 'node:stream';
import type { DaemonTrust } from './answers/daemon-trust.ts';

/** `RFB 003.008` and a newline: the first bytes of every display. */
const greetingBytes = 12;
const greeting = /^RFB \d{3}\.\d{3}\n$/;
const patienceMs = 10_000;

/**
 * The stream of a display, after a check of its greeting. The server does not read what follows: it passes the bytes on
 * unchanged, no faster than the viewer takes them.
 */
export async function screenStream(stream: Duplex, trust: DaemonTrust): Promise<Duplex> {
  const first = await beginning(stream);
  if (first === undefined || greeting.test(first)) return stream;
  stream.destroy();
  throw trust.reportViolation({
    reason: 'bad_frame',
    call: 'GET /desktop/vnc',
    detail: 'the stream does not begin as RFB does',
  });
}

/**
 * Reads the first bytes and puts them back. Undefined when the stream ended, or was silent for 10 s; its reader handles
 * both.
 */
async function beginning(stream: Duplex): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const look = () => {
    const chunk = stream.read(greetingBytes) as Buffer | null;
    if (!chunk || chunk.length < greetingBytes) return; // shorter only at the stream's end
    stream.off('readable', look);
    stream.unshift(chunk);
    resolve(chunk.toString('latin1'));
  };
  const give = () => resolve(undefined);
  const timer = setTimeout(give, patienceMs);
  stream.on('readable', look).once('end', give).once('close', give);
  if (stream.destroyed) give();
  const first = await promise;
  clearTimeout(timer);
  stream.off('readable', look).off('end', give).off('close', give);
  return first;
}
