import { signal } from '@preact/signals';
import { connection, wordsOf } from '../data/server.ts';
import { t } from '../text/text.ts';

// One line at the top of the conversation: the state of the connection, or why an action failed.

const message = signal<{ text: string; isBad: boolean } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export function notify(text: string, isBad = false): void {
  clearTimeout(timer);
  message.value = text === '' ? undefined : { text, isBad };
  if (text !== '')
    timer = setTimeout(
      () => {
        message.value = undefined;
      },
      isBad ? 20_000 : 6_000,
    );
}

/** Does the work, and tells the person when it fails. Resolves with whether it worked. */
export async function attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    notify(t('notDone', { what, why: wordsOf(thrown) }), true);
    return false;
  }
}

export function Notice() {
  const broken = connection.value === 'broken' ? { text: t('connectionLost'), isBad: false } : undefined;
  const said = broken ?? message.value;
  return (
    <p class={`notice ${said?.isBad ? 'bad' : ''}`} role="status" hidden={!said}>
      {said?.text}
    </p>
  );
}
