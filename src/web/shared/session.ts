import { signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { ConversationState } from '../data/model.ts';

// The link's secret is in the address after the #, which browsers never send to a server.

interface Page {
  readonly session: { readonly title: string };
  readonly events: readonly Omit<Event, 'sessionId'>[];
  readonly after: number;
  readonly head: number;
  readonly files: boolean;
  readonly expiresAt: number; // epoch ms
}
export interface SharedFileEntry {
  readonly name: string;
  readonly type: string;
  readonly size: number | null;
}

export const sharedConversationState = new ConversationState();
export const sharedSummary = signal<Omit<Page, 'events'> | undefined>(undefined);
/** `unfit`: the link is no longer valid. `offline`: the page retries automatically. */
export const shareState = signal<'loading' | 'shown' | 'invalid' | 'offline'>('loading');

/** Seq of the last event, set whenever the page has read all events. */
export const lastReadSeq = signal(0);

const everyMs = 5_000;

/** Error response of the server, with its text. `status` 0: the server did not answer. */
export class ShareRequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function ask<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: location.hash.slice(1), ...body }),
  }).catch(() => undefined);
  const answer: (Answer & { detail?: string; msg?: string }) | undefined = await response
    ?.json()
    .catch(() => undefined);
  if (!response || !answer) throw new ShareRequestError(0, '');
  if (!response.ok) throw new ShareRequestError(response.status, answer.detail ?? answer.msg ?? '');
  return answer;
}

let cursor = 0;

async function readOn(): Promise<void> {
  for (;;) {
    const page = await ask<Page>('/api/v1/shared', { after: cursor });
    sharedConversationState.take(page.events.map((event) => ({ ...event, sessionId: '' }) as Event));
    sharedSummary.value = page;
    shareState.value = 'shown';
    cursor = page.after;
    if (cursor >= page.head) {
      lastReadSeq.value = cursor;
      return;
    }
  }
}

/** Keeps reading while the page is visible. */
export function pollSharedSession(): void {
  const again = async () => {
    if (document.visibilityState === 'visible') {
      await readOn().catch((thrown: unknown) => {
        const isFinal = thrown instanceof ShareRequestError && [404, 422].includes(thrown.status);
        shareState.value = isFinal ? 'invalid' : 'offline';
      });
    }
    if (shareState.value !== 'invalid') setTimeout(again, everyMs);
  };
  addEventListener('hashchange', () => location.reload());
  void again();
}

export const listSharedFiles = async (path: string): Promise<readonly SharedFileEntry[]> =>
  (await ask<{ entries: SharedFileEntry[] }>('/api/v1/shared/files', { path })).entries;
export const readSharedFile = async (path: string): Promise<string> =>
  (await ask<{ content: string }>('/api/v1/shared/file', { path })).content;
