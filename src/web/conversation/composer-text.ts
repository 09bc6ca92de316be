import { signal } from '@preact/signals';
import { readPref, storePref } from '../data/prefs.ts';
import { currentId } from '../data/sessions.ts';

// The draft text of each session, which survives a reload.

const keyOf = (sessionId: string | undefined) => `draft.${sessionId ?? 'new'}`;

export const draftOf = (sessionId: string | undefined): string => readPref(keyOf(sessionId));

export const saveDraft = (sessionId: string | undefined, text: string): void => storePref(keyOf(sessionId), text);

/** The draft text of the selected session. */
export const composerText = signal(draftOf(currentId.peek()));

export function setComposerText(text: string): void {
  composerText.value = text;
  saveDraft(currentId.peek(), text);
}

/** Puts text into the message box, to be edited and sent. */
export function fillComposer(text: string): void {
  setComposerText(text);
  const field = document.getElementById('message') as HTMLTextAreaElement | null;
  field?.focus();
  setTimeout(() => field?.setSelectionRange(text.length, text.length), 30);
}
