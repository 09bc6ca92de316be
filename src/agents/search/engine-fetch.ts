import { AppError } from '../../core/errors/errors.ts';

/** Follows no redirects, to protect the key. Rejects with not_found (unreachable) or the abort reason. */
export async function fetchFromSearchEngine(url: string | URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'manual' });
  } catch (cause) {
    init.signal?.throwIfAborted();
    const { code } = ((cause as Error).cause ?? {}) as { readonly code?: unknown };
    const why = typeof code === 'string' ? ` (${code})` : '';
    const text = `The search engine at ${new URL(url).host} cannot be reached${why}. Check search.base-url.`;
    throw new AppError('not_found', text, { cause });
  }
}
