import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';

/** The answer to a request that was sent. Throws with its text unless it is 2xx. */
export async function goodAnswer(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  if (Math.trunc((answer.statusCode ?? 0) / 100) === 2) return answer;
  const text = (await answer.toArray()).join('').slice(0, 300);
  throw new Error(`${sent.method} ${sent.path} answered ${answer.statusCode}: ${text}`);
}
