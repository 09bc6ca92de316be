import type { ClientRequest } from 'node:http';

/** Whether a head can be sent on with this text. Node accepts control characters in a reason that it receives, and throws where it sends them. */
export const isHeaderText = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

/** Ends a request whose server sends interim answers (1xx) without end, each of which the parser reads. */
export function limitInterimAnswers(outgoing: ClientRequest): void {
  let left = maxInterimAnswers;
  outgoing.on('information', () => {
    if (--left < 0) outgoing.destroy(new Error('its interim answers do not end'));
  });
}
const maxInterimAnswers = 32;
