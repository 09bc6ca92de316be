import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';

/** The answer to a request that was sent. Throws with its text unless it is 200. */
export async function goodAnswer(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  if (answer.statusCode === 200) return answer;
  const text = (await answer.toArray()).join('');
  throw new Error(`${sent.method} ${sent.path} answered ${answer.statusCode}: ${text}`);
}
