import { z } from 'zod';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type JsonLimits, parseJsonWithinLimits } from '../../core/text/json.ts';
import type { Secret } from '../../core/text/secret.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SearchHit, WebSearch } from './search.ts';

export type SearchFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;
export const searchEngineNames = ['searxng', 'brave', 'tavily', 'google'] as const;
export type SearchEngineName = (typeof searchEngineNames)[number];

interface Settings {
  readonly baseUrl?: string | undefined;
  readonly key?: Secret | undefined;
  readonly engineId?: string | undefined;
}
interface SearchRequest {
  readonly query: string;
  readonly count: number;
  readonly settings: Settings;
}
interface Engine {
  readonly baseUrl: string | undefined;
  readonly needs: readonly ('baseUrl' | 'key' | 'engineId')[];
  request(ask: SearchRequest & { readonly base: string }): { readonly url: URL; readonly init: RequestInit };
  readonly answer: z.ZodType<readonly SearchHit[]>;
}

const timeoutMs = 20_000;
const answerLimits: JsonLimits = { maxBytes: 2 * 1024 * 1024, maxDepth: 64, maxValues: 100_000 };
const hit = (link: string, snippet: string) =>
  z
    .record(z.string(), z.unknown())
    .transform((item) => ({ title: textOf(item.title), link: textOf(item[link]), snippet: textOf(item[snippet]) }));
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = <Item extends z.ZodType>(item: Item) => z.array(item).max(1_000).default([]);

const withQuery = (base: string, path: string, query: Record<string, string>): URL => {
  const url = new URL(`${base.replace(/\/$/, '')}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
};
const json = { accept: 'application/json' };

const engines: Readonly<Record<SearchEngineName, Engine>> = {
  searxng: {
    baseUrl: undefined,
    needs: ['baseUrl'],
    request: ({ base, query }) => ({
      url: withQuery(base, '/search', { q: query, format: 'json' }),
      init: { headers: json },
    }),
    answer: z.looseObject({ results: list(hit('url', 'content')) }).transform(({ results }) => results),
  },
  brave: {
    baseUrl: 'https://api.search.brave.com/res/v1',
    needs: ['key'],
    request: ({ base, query, count, settings }) => ({
      url: withQuery(base, '/web/search', { q: query, count: String(count) }),
      init: { headers: { ...json, 'x-subscription-token': settings.key?.reveal() ?? '' } },
    }),
    answer: z
      .looseObject({ web: z.looseObject({ results: list(hit('url', 'description')) }).optional() })
      .transform(({ web }) => web?.results ?? []),
  },
  tavily: {
    baseUrl: 'https://api.tavily.com',
    needs: ['key'],
    request: ({ base, query, count, settings }) => ({
      url: withQuery(base, '/search', {}),
      init: {
        method: 'POST',
        headers: { ...json, 'content-type': 'application/json', authorization: `Bearer ${settings.key?.reveal()}` },
        body: JSON.stringify({ query, max_results: count }),
      },
    }),
    answer: z.looseObject({ results: list(hit('url', 'content')) }).transform(({ results }) => results),
  },
  google: {
    baseUrl: 'https://www.googleapis.com',
    needs: ['key', 'engineId'],
    request: ({ base, query, count, settings }) => ({
      url: withQuery(base, '/customsearch/v1', {
        q: query,
        num: String(Math.min(count, 10)),
        cx: settings.engineId ?? '',
        key: settings.key?.reveal() ?? '',
      }),
      init: { headers: json },
    }),
    answer: z.looseObject({ items: list(hit('link', 'snippet')) }).transform(({ items }) => items),
  },
};

export function createWebSearch(name: SearchEngineName, settings: Settings, fetch: SearchFetch): WebSearch {
  const engine = engines[name];
  const missing = engine.needs.filter((need) => settings[need] === undefined);
  if (missing.length > 0) {
    const keys = missing.map((need) => `search.${need.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`);
    throw new AppError('invalid_request', `The search engine ${name} needs ${keys.join(' and ')}.`);
  }
  const base = settings.baseUrl ?? engine.baseUrl ?? '';
  return {
    name,
    async search(query, count, signal) {
      const { url, init } = engine.request({ query, count, settings, base });
      const until = combineSignals([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(url, { ...init, signal: until });
      const body = await bounded(response);
      if (response.status !== 200) throw refusal(name, response.status);
      const parsed = engine.answer.safeParse(parseJsonWithinLimits(body, answerLimits));
      if (!parsed.success)
        throw new AppError('unsupported', `The search engine ${name} returned no search results page.`);
      return parsed.data
        .filter(({ link }) => /^https?:\/\//.test(link))
        .slice(0, count)
        .map(cut);
    },
  };
}

const cut = ({ title, link, snippet }: SearchHit): SearchHit => ({
  title: truncateEnd(title, 300),
  link: truncateEnd(link, 2_000),
  snippet: truncateEnd(snippet, 1_000),
});

function refusal(name: string, status: number): AppError {
  if (status === 401 || status === 403)
    return new AppError('unsupported', `The search engine ${name} rejected the key: check search.key.`);
  if (status === 429)
    return new AppError(
      'unsupported',
      `The search engine ${name} allows no more searches at the moment. Try again later.`,
    );
  return new AppError('unsupported', `The search engine ${name} answered ${status}.`);
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > answerLimits.maxBytes)
      throw new AppError('unsupported', "The search engine's response is larger than 2 MiB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
