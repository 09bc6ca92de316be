import { effect, signal } from '@preact/signals';
import { query } from '../data/server.ts';

/** The words in the search field of the list of sessions. */
export const search = signal('');
/** Sessions with these words in a message. The server searches the messages. */
export const foundInMessages = signal<ReadonlySet<string>>(new Set());
export const isSearching = signal(false);

const pauseMs = 250;
const maxFound = 200;

/** Asks the server when the person pauses. A later search replaces an earlier answer. */
export function searchMessages(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const words = search.value.trim();
    clearTimeout(timer);
    foundInMessages.value = new Set();
    isSearching.value = words.length >= 2;
    if (words.length < 2) return;
    timer = setTimeout(async () => {
      const found = await query('sessions.list', { search: words, limit: maxFound }).catch(() => undefined);
      if (search.peek().trim() !== words) return;
      isSearching.value = false;
      foundInMessages.value = new Set(found?.items.map(({ id }) => id));
    }, pauseMs);
  });
}
