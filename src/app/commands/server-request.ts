import { resolveAddress, type ServerAddress } from '../../cli/server.ts';
import { AppError } from '../../core/errors/errors.ts';

export const urlOption = { url: { type: 'string' } } as const;

/** Throws if the value is not an address. */
export const resolveServerAddress = (value: string | undefined): ServerAddress => resolveAddress(value, process.env);

export async function sendServerRequest(url: string, options: RequestInit): Promise<Response> {
  const { origin } = URL.canParse(url) ? new URL(url) : { origin: 'null' };
  if (!/^https?:/.test(origin)) {
    throw new AppError('invalid_request', '--url must be an address such as http://127.0.0.1:8000.');
  }
  const response = await fetch(url, options).catch((cause: Error) => {
    if (options.signal?.aborted) throw cause;
    const advice = 'Start it there (npm start), or set another address with --url or CORRAL_URL.';
    throw new AppError('invalid_request', `No server answers at ${origin}. ${advice}`, { cause });
  });
  if (response.status === 401) {
    const advice = 'set CORRAL_TOKEN to the token that it was started with, or to one of its keys.';
    throw new AppError('unauthorized', `${origin} needs a valid token: ${advice}`);
  }
  if (response.status === 429) {
    const advice = 'Wait a minute, and check CORRAL_TOKEN.';
    throw new AppError('rate_limited', `${origin} temporarily rejects this address. ${advice}`);
  }
  return response;
}
