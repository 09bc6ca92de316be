import { z } from 'zod';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import type { FetchPage } from '../fetch/fetch-page.ts';
import type { RegistryEntry } from '../policy.ts';
import { toTarget } from '../target.ts';

/** An index page that leads to further hosts, such as those of pip's links and cargo's downloads. */
const Page = z.object({ for: z.enum(['pip', 'cargo']), url: z.string() });
const DiscoveredRegistries = z.object({
  entries: z.array(z.object({ host: z.string(), port: z.int(), for: z.string() })),
  pages: z.array(Page),
});
type DiscoveredRegistries = z.infer<typeof DiscoveredRegistries>;

export interface RegistryDiscoveryResult {
  readonly entries: readonly RegistryEntry[];
  /** Index pages that did not answer. The hosts that they link to are missing until a later attempt succeeds. */
  readonly unread: readonly string[];
  /** Whether a package manager took too long. Then nothing is stored, and the next new sandbox is read. */
  readonly isPartial: boolean;
}

export interface RegistryDiscoveryOptions {
  /** The key of the stored result: an image with another digest is read again. */
  readonly imageDigest: string;
  readonly run: (signal: AbortSignal) => Promise<string>;
  readonly fetchPage: FetchPage;
  readonly keep: Pick<RecordStore, 'get' | 'put'>;
}

const recordKind = 'egress-registries';
const maxEntries = 64;

/**
 * Runs the discovery once per image. A page that did not answer is fetched again on the next call. Rejects as `run` and
 * `keep` do, and with sandbox_unavailable if the script was interrupted.
 */
export async function discoverRegistries(
  discovery: RegistryDiscoveryOptions,
  signal: AbortSignal,
): Promise<RegistryDiscoveryResult> {
  const { imageDigest, keep } = discovery;
  const kept = await keep.get(recordKind, imageDigest);
  const known = DiscoveredRegistries.safeParse(kept?.doc);
  const output = known.success ? '' : await discovery.run(signal);
  const isPartial = /^late\t/m.test(output);
  const found = known.success ? known.data : parseRegistries(output);
  if (known.success && found.pages.length === 0) return { entries: found.entries, unread: [], isPartial };

  const entries = [...found.entries];
  const pages: DiscoveredRegistries['pages'] = [];
  for (const page of found.pages) {
    const text = await discovery.fetchPage(page.url, signal).catch(() => undefined);
    if (text === undefined) pages.push(page);
    else for (const url of findLinks(page, text)) add(entries, page.for, url);
  }
  const doc: DiscoveredRegistries = { entries, pages };
  if (!isPartial) await keep.put({ kind: recordKind, id: imageDigest, doc });
  return { entries, unread: pages.map(({ url }) => url), isPartial };
}

/** Throws: sandbox_unavailable (the script was interrupted). */
export function parseRegistries(output: string): DiscoveredRegistries {
  const lines = output.slice(0, 65_536).trimEnd().split('\n');
  if (lines.pop() !== 'end') {
    throw new AppError(
      'sandbox_unavailable',
      "The image's package managers could not be read: the script was interrupted.",
    );
  }
  const entries: RegistryEntry[] = [];
  const pages: DiscoveredRegistries['pages'] = [];
  for (const line of lines) {
    const [tool = '', text = ''] = line.split('\t');
    const url = parseUrl(text);
    if (!url || !/^(npm|pip|pip-files|apt|go|cargo)$/.test(tool)) continue;
    add(entries, tool.replace('-files', ''), url);
    if (pages.length >= 8) continue;
    if (tool === 'pip') pages.push({ for: 'pip', url: `${trimEndCharacters(url.href, '/')}/pip/` });
    if (tool === 'cargo' && url.pathname.endsWith('/config.json')) pages.push({ for: 'cargo', url: url.href });
  }
  return { entries, pages };
}

function findLinks(page: z.infer<typeof Page>, text: string): URL[] {
  const pattern = page.for === 'pip' ? /\bhref\s*=\s*["']([^"'\s]+)["']/gi : /"(?:dl|api)"\s*:\s*"([^"{]+)/g;
  const links = text.matchAll(pattern).map(([, link = '']) => parseUrl(link, page.url));
  const byHost = new Map<string, URL>();
  for (const url of links) if (url && byHost.size < 8) byHost.set(url.host, url);
  return [...byHost.values()];
}

function add(entries: RegistryEntry[], tool: string, url: URL): void {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const { host, kind } = toTarget(url.hostname.replace(/^\[(.*)\]$/, '$1'), port);
  const known = entries.some((entry) => entry.host === host && entry.port === port && entry.for === tool);
  if (!known && kind !== 'odd' && entries.length < maxEntries) entries.push({ host, port, for: tool });
}

/** Removes user, password, query and fragment, because the URL is stored and shown. */
function parseUrl(text: string, base?: string): URL | undefined {
  const url = URL.parse(text, base);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  url.username = url.password = url.search = url.hash = '';
  return url;
}
