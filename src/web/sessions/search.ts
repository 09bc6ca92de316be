import { effect, signal } from '@preact/signals';
import { query } from '../data/server.ts';

export const sessionSearchText = signal('');
export const matchingSessionIds = signal<ReadonlySet<string>>(new Set());
export const isSearchingSessions = signal(false);

const pauseMs = 250;
const maxFound = 200;

export function watchSessionSearch(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const words = sessionSearchText.value.trim();
    clearTimeout(timer);
    matchingSessionIds.value = new Set();
    isSearchingSessions.value = words.length >= 2;
    if (words.length < 2) return;
    timer = setTimeout(async () => {
      const found = await query('sessions.list', { search: words, limit: maxFound }).catch(() => undefined);
      if (sessionSearchText.peek().trim() !== words) return;
      isSearchingSessions.value = false;
      matchingSessionIds.value = new Set(found?.items.map(({ id }) => id));
    }, pauseMs);
  });
}
