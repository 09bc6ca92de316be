import type { ClientRequest } from 'node:http';

/** Node would read interim responses (1xx) without limit. */
export function limitInterimResponses(outgoing: ClientRequest): void {
  let left = maxInterimAnswers;
  outgoing.on('information', () => {
    if (--left < 0) outgoing.destroy(new Error('its interim answers do not end'));
  });
}
const maxInterimAnswers = 32;
