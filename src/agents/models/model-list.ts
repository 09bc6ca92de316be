import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { parseJsonWithinLimits } from '../../core/text/json.ts';
import type { Secret } from '../../core/text/secret.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import { rejectRedirect } from './failures.ts';

/** A field is absent if its value is unknown. */
export const ListedModel = z.object({
  id: z.string(),
  name: z.string(),
  /** Maximum number of tokens in a request and its reply together. */
  window: z.int().optional(),
  /** Maximum number of tokens in one reply. */
  maxOutput: z.int().optional(),
  images: z.boolean().optional(),
  tools: z.boolean().optional(),
  reasoning: z.boolean().optional(),
  /** Per million tokens, in the currency of the price list. */
  price: z.object({ input: z.number(), output: z.number() }).optional(),
});
export type ListedModel = z.infer<typeof ListedModel>;
export interface ModelListFormat {
  path(after: string | undefined): string;
  read(body: unknown): ModelListPage;
}
export interface ModelListPage {
  readonly models: readonly ListedModel[];
  readonly next?: string | undefined;
}
export type ModelListFetch = (url: string, init: RequestInit) => Promise<Response>;

const maxBytes = 8 * 1024 * 1024;
const limits = { maxBytes, maxDepth: 20, maxValues: 300_000 };
const maxPages = 20;
const maxModels = 5_000;

/** The list is untrusted, so entries with a malformed id are dropped. */
export const ModelId = z.string().max(200).regex(/^\S+$/);
export const OptionalModelName = z.string().max(200).optional().catch(undefined);
export const OptionalTokenCount = z.int().positive().optional().catch(undefined);

interface Listable {
  readonly keyCheck: { headers(key: string): Record<string, string> };
  readonly listing: ModelListFormat;
}
interface Endpoint {
  readonly baseUrl: string;
  readonly key: Secret | undefined;
  readonly fetch: ModelListFetch;
}

/**
 * Rejects with model_unauthorized, model_rejected (no list), forbidden (redirect, or private address) or provider_error
 * (unreachable, or failed). Errors never contain the key or the provider's text.
 */
export async function listModels(
  access: Listable,
  { baseUrl, key, fetch }: Endpoint,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const base = trimEndCharacters(baseUrl, '/');
  const headers = { accept: 'application/json', ...(key && access.keyCheck.headers(key.reveal())) };
  const found = new Map<string, ListedModel>();
  let after: string | undefined;
  for (let page = 0; page < maxPages && found.size < maxModels; page++) {
    const path = access.listing.path(after);
    const response = await fetch(base + path, { headers, signal, redirect: 'manual' }).catch((cause: unknown) => {
      signal.throwIfAborted();
      if (cause instanceof AppError && cause.code === 'forbidden') throw privateAddress(cause);
      const text = `${new URL(base).host} is not responding. Check the address, and that this server can reach it.`;
      throw new AppError('provider_error', text, { cause });
    });
    rejectRedirect(response, base + path);
    if (!response.ok) {
      await response.body?.cancel();
      throw createRefusal(response.status, key !== undefined);
    }
    const { models, next } = await readPage(access.listing, response);
    for (const model of models) if (found.size < maxModels) found.set(model.id, model);
    if (next === undefined || next === after) break;
    after = next;
  }
  return [...found.values()];
}

const privateAddress = (cause: AppError) =>
  new AppError(
    'forbidden',
    'The address is on this machine or in a private network, which this server does not connect to. Add it to ' +
      'corral.yaml under models.compatible, or set CORRAL_MODELS_PRIVATE_ADDRESSES=allow.',
    { cause },
  );

async function readPage(listing: ModelListFormat, response: Response): Promise<ModelListPage> {
  try {
    return listing.read(parseJsonWithinLimits(await boundedText(response), limits));
  } catch (cause) {
    const text = 'There is no list of models at this address. For most servers it ends with /v1.';
    throw new AppError('model_rejected', text, { cause });
  }
}

async function boundedText(response: Response): Promise<string> {
  let text = '';
  let left = maxBytes;
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    left -= chunk.byteLength;
    if (left < 0) throw new Error('the list is too large');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function createRefusal(status: number, hadKey: boolean): AppError {
  if (status === 401 || status === 403 || (status === 400 && hadKey)) {
    const text = hadKey ? `The provider refused this key (status ${status}).` : `It requires a key (status ${status}).`;
    return new AppError('model_unauthorized', text, { field: 'key' });
  }
  if (status === 404 || status === 405) {
    const text = `There is no list of models at this address (status ${status}). For most servers it ends with /v1.`;
    return new AppError('model_rejected', text, { field: 'baseUrl' });
  }
  return new AppError('provider_error', `The provider answered with status ${status}. Try again later.`);
}
