import { effect, signal } from '@preact/signals';
import type { Outputs } from '../../../client/types.ts';
import { showTab } from '../../app/layout.ts';
import { onSessionEvent } from '../../data/log.ts';
import { mutateWithRetry, query } from '../../data/server.ts';
import { currentSessionId } from '../../data/sessions.ts';
import type { PreviewLocation } from './target.ts';

type Port = Outputs['ports']['list'][number];
export type Preview = Outputs['ports']['opened'][number];

const settleMs = 700;
const lookMs = 5_000;

/** Listening ports. Undefined: not known yet. */
export const ports = signal<readonly Port[] | undefined>(undefined);
export const unseenPorts = signal<ReadonlySet<number>>(new Set());
/** Undefined: the list of ports is shown. */
export const previewLocation = signal<PreviewLocation | undefined>(undefined);
let seen = new Set<number>();
const seenBySession = new Map<string, Set<number>>();
const shownPaths = new Map<string, string>();
const keyOf = (port: number) => `${currentSessionId.peek()} ${port}`;

export function markPortsSeen(): void {
  for (const { port } of ports.value ?? []) seen.add(port);
  if (unseenPorts.value.size > 0) unseenPorts.value = new Set();
}

export function showPreviewAt(at: PreviewLocation): void {
  previewLocation.value = at;
  rememberShownPath(at);
  showTab('preview');
}

export const rememberShownPath = ({ port, path }: PreviewLocation): void => void shownPaths.set(keyOf(port), path);

/** A path that the user opened at this port stays. */
export function suggestShownPath(at: PreviewLocation): void {
  if (!shownPaths.has(keyOf(at.port))) rememberShownPath(at);
}

export function openPort(port: number): void {
  previewLocation.value = { port, path: shownPaths.get(keyOf(port)) ?? '/' };
}

async function look(sessionId: string): Promise<void> {
  const found = await query('ports.list', { sessionId });
  if (currentSessionId.value !== sessionId) return;
  const listening = new Set(found.map(({ port }) => port));
  for (const port of seen) if (!listening.has(port)) seen.delete(port); // a port that reappears is new again
  if (JSON.stringify(found) !== JSON.stringify(ports.value)) ports.value = found;
  const news = [...listening].filter((port) => !seen.has(port));
  if (news.join() !== [...unseenPorts.value].join()) unseenPorts.value = new Set(news);
}

/** Never starts a sandbox. */
export function watchPorts(): void {
  effect(() => {
    const sessionId = currentSessionId.value;
    [ports.value, unseenPorts.value, previewLocation.value] = [undefined, new Set(), undefined];
    if (sessionId === undefined) return undefined;
    seen = seenBySession.get(sessionId) ?? new Set();
    seenBySession.set(sessionId, seen);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tryLook = () => void look(sessionId).catch(() => {});
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(tryLook, settleMs);
    };
    soon();
    const end = onSessionEvent(({ type }) => {
      if (type === 'tool.called' || type === 'run.end' || type === 'sandbox.phase') soon();
    });
    const again = setInterval(() => document.visibilityState === 'visible' && tryLook(), lookMs);
    return () => {
      clearTimeout(timer);
      clearInterval(again);
      end();
    };
  });
}

const halfAnHourMs = 1_800_000;
export async function findOrOpenPreview(sessionId: string, of: Preview['of']): Promise<Preview> {
  const all = await query('ports.opened', { sessionId });
  const fresh = all.filter((one) => one.of === of && Date.parse(one.expiresAt) > Date.now() + halfAnHourMs);
  fresh.sort((a, b) => Date.parse(b.expiresAt) - Date.parse(a.expiresAt));
  return fresh[0] ?? (await mutateWithRetry('ports.open', { sessionId, of }));
}

/** Includes the secret, so that the address also works in another browser. */
export function buildPreviewUrl({ url }: Pick<Preview, 'url'>, path: string): string {
  const base = new URL(url, location.href);
  const resolved = new URL(path.replace(/^\/+/, ''), new URL('./', base));
  const address = new URL(resolved);
  for (const [name, value] of base.searchParams) address.searchParams.append(name, value);
  return address.href;
}

/** If a preview has no origin of its own, its pages are sandboxed. */
export const hasOwnOrigin = ({ url }: Pick<Preview, 'url'>): boolean => /^https?:/.test(url);
