import type { Duplex } from 'node:stream';
import type { Trust } from './trust.ts';

/** `RFB 003.008` and a line end: what every display says first. */
const greetingBytes = 12;
const greeting = /^RFB \d{3}\.\d{3}\n$/;
const patienceMs = 10_000;

/**
 * The stream of a display once it has said so. What follows is looked at by nobody but the viewer: it passes as it is, no
 * faster than the viewer takes it, so all that must be known here is that a display speaks.
 */
export async function screenStream(stream: Duplex, trust: Trust): Promise<Duplex> {
  const first = await beginning(stream);
  if (first === undefined || greeting.test(first)) return stream;
  stream.destroy();
  throw trust.breaks({
    reason: 'bad_frame',
    call: 'GET /desktop/vnc',
    detail: 'the stream does not begin as RFB does',
  });
}

/** It stays unread. Undefined: the stream ended, or said nothing for long, which its reader finds out. */
async function beginning(stream: Duplex): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const look = () => {
    const chunk = stream.read(greetingBytes) as Buffer | null;
    if (!chunk || chunk.length < greetingBytes) return; // less only when it ends
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
