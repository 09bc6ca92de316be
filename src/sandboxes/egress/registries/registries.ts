import { z } from 'zod';
import { raceAbort, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { ServerComponent } from '../../../core/contracts/server-parts.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import type { SandboxClient } from '../../client/client.ts';
import type { PageTextFetcher } from '../fetch/fetch-page.ts';
import type { RegistryHost } from '../policy.ts';
import { toEgressTarget } from '../target.ts';

/** Runs in sh in an unused sandbox. Prints `tool<TAB>url` per registry, `late<TAB>tool` per slow tool, then `end`. */
export const registryDiscoveryScript = String.raw`
exec 3>&1 2>/dev/null </dev/null
[ -n "$HOME" ] || HOME=/tmp
[ -n "$CARGO_HOME" ] || CARGO_HOME=$HOME/.cargo
export HOME CARGO_HOME
say() { if [ -n "$2" ]; then printf '%s\t%s\n' "$1" "$2"; fi; }
each() { while read -r url; do say "$1" "$url"; done; }
urls() { sed 's/\\n/ /g' | tr "'\",=\` |[]" '\n\n\n\n\n\n\n\n\n' | grep '^https\{0,1\}://'; }
# The exit code 124 is that of a tool over its time. Pipes around the call hide it, so it is written next to them.
soon() {
  if command -v timeout >/dev/null; then timeout 40 "$@" || { [ $? -ne 124 ] || printf 'late\t%s\n' "$1" >&3; }; else "$@"; fi
}
cd /

if command -v npm >/dev/null; then
  soon npm config get registry | urls | each npm
  for file in "$(soon npm config get userconfig)" "$(soon npm config get globalconfig)"; do
    sed -n 's/^ *@[^:]*:registry *=//p' "$file" | urls | each npm
  done
fi

for python in python3 python; do
  soon "$python" -m pip --version >/dev/null || continue
  config=$(soon "$python" -m pip config list)
  printf '%s\n' "$config" | grep 'index-url=' | urls | each pip
  printf '%s\n' "$config" | grep 'find-links=' | urls | each pip-files
  if ! printf '%s\n' "$config" | grep -q '[.]index-url='; then
    soon "$python" -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)' | each pip
    soon "$python" -c 'from pip._internal.models.index import PyPI; print("https://" + PyPI.file_storage_domain)' |
      each pip-files
  fi
  break
done

if command -v apt-get >/dev/null; then
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/apt/mirrors/*.list |
    grep -v '^ *#' | urls | sort -u | each apt
fi

if command -v go >/dev/null; then
  soon go env GOPROXY | urls | each go
  # A name with its key after a plus, and possibly the URL to use instead.
  sums=$(soon go env GOSUMDB)
  case $sums in
    '' | off) ;;
    *' '*) printf '%s\n' "$sums" | urls | each go ;;
    *) say go "https://$(printf '%s' "$sums" | sed 's/[+].*//')" ;;
  esac
fi

# Cargo has no command that prints where it goes; failing to go there it says so.
if command -v cargo >/dev/null && folder=$(mktemp -d); then
  cd "$folder" && mkdir src && : > src/lib.rs
  printf '[package]\nname = "x"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ny = "1"\n' > Cargo.toml
  CARGO_NET_RETRY=0 CARGO_HTTP_PROXY=http://127.0.0.1:9 soon cargo fetch 2>&1 | urls | grep -v '127[.]0[.]0[.]1' | sort -u | each cargo
  cd / && rm -rf "$folder"
fi
echo end
`;

interface Options {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly fetchPage: PageTextFetcher;
  readonly findImageKey: (id: SessionId) => Promise<string | undefined>;
}
interface Sandbox {
  readonly client: Pick<SandboxClient, 'exec'>;
  readonly isFresh: boolean;
}
const scriptMs = 90_000;
const pagesMs = 60_000;

/** Reads each image's registries in its first sandbox, before anything else runs there. */
export class PackageRegistryCatalog extends ServerComponent<Options> {
  readonly #known = new Map<string, Promise<RegistryDiscoveryResult>>();
  readonly #reading = new Set<string>();

  async of(id: SessionId): Promise<readonly RegistryHost[]> {
    const key = await this.deps.findImageKey(id);
    const known = key === undefined ? undefined : await this.#known.get(key)?.catch(() => undefined);
    return known?.entries ?? [];
  }

  /** Rejects: sandbox_unavailable (the script was interrupted, or this sandbox was used before its image was read). */
  async learn(id: SessionId, sandbox: Sandbox, signal: AbortSignal): Promise<readonly RegistryHost[]> {
    const key = await this.deps.findImageKey(id);
    if (key === undefined) return [];
    const known = this.#known.get(key);
    const found = known && (await raceAbort(known, signal).catch(() => undefined));
    throwIfAborted(signal);
    if (found && !(found.isPartial && sandbox.isFresh)) {
      if (found.unread.length > 0) this.#readOn(key, sandbox);
      return found.entries;
    }
    const requested = this.#ask(key, sandbox, signal);
    this.#known.set(key, requested);
    requested.then(
      () => this.#known.set(key, requested),
      () => {
        if (this.#known.get(key) === requested) this.#known.delete(key); // the next sandbox may succeed
      },
    );
    return (await requested).entries;
  }

  /** Retries failed index pages in the background. */
  #readOn(key: string, { client }: Pick<Sandbox, 'client'>): void {
    if (this.#reading.has(key)) return;
    this.#reading.add(key);
    this.#ask(key, { client, isFresh: false }, AbortSignal.timeout(pagesMs))
      .then(
        (found) => this.#known.set(key, Promise.resolve(found)),
        () => {}, // the next new sandbox retries
      )
      .finally(() => this.#reading.delete(key));
  }

  async #ask(key: string, { client, isFresh }: Sandbox, signal: AbortSignal): Promise<RegistryDiscoveryResult> {
    const { records: keep, fetchPage } = this.deps;
    const run = async (until: AbortSignal) => {
      // The agent could have changed this sandbox's settings.
      if (!isFresh) throw new AppError('sandbox_unavailable', 'The sandbox was used before its image was read.');
      return (await client.exec({ command: `cd /\n${registryDiscoveryScript}`, timeoutMs: scriptMs }, until)).stdout;
    };
    return await discoverRegistries({ imageDigest: key, run, fetchPage, keep }, signal);
  }
}

/** An index page of pip or cargo that refers to further hosts. */
const Page = z.object({ for: z.enum(['pip', 'cargo']), url: z.string() });
const DiscoveredRegistries = z.object({
  entries: z.array(z.object({ host: z.string(), port: z.int(), for: z.string() })),
  pages: z.array(Page),
});
type DiscoveredRegistries = z.infer<typeof DiscoveredRegistries>;

interface RegistryDiscoveryResult {
  readonly entries: readonly RegistryHost[];
  /** Failed index pages. `entries` lacks the hosts that they link to. */
  readonly unread: readonly string[];
  /** Whether a package manager took too long. Nothing is then stored. */
  readonly isPartial: boolean;
}

interface RegistryDiscoveryOptions {
  /** Formed from the names of the driver and the image. */
  readonly imageDigest: string;
  readonly run: (signal: AbortSignal) => Promise<string>;
  readonly fetchPage: PageTextFetcher;
  readonly keep: Pick<RecordStore, 'get' | 'put'>;
}

const recordKind = 'egress-registries';
const maxEntries = 64;

/** Later calls retry failed pages. Rejects: sandbox_unavailable (an interrupted script), and as `run` and `keep` do. */
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
  const entries: RegistryHost[] = [];
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

function add(entries: RegistryHost[], tool: string, url: URL): void {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const { host, kind } = toEgressTarget(url.hostname.replace(/^\[(.*)\]$/, '$1'), port);
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
