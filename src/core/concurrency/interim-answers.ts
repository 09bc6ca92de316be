import type { ClientRequest } from 'node:http';

/** Ends a request whose server sends interim answers (1xx) without end, each of which the parser reads. */
export function limitInterimAnswers(outgoing: ClientRequest): void {
  let left = maxInterimAnswers;
  outgoing.on('information', () => {
    if (--left < 0) outgoing.destroy(new Error('its interim answers do not end'));
  });
}
const maxInterimAnswers = 32;
