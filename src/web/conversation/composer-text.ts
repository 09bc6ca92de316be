import { signal } from '@preact/signals';
import { readPref, storePref } from '../data/prefs.ts';
import { currentSessionId } from '../data/sessions.ts';

const keyOf = (sessionId: string | undefined) => `draft.${sessionId ?? 'new'}`;

export const readComposerDraft = (sessionId: string | undefined): string => readPref(keyOf(sessionId));

export const saveComposerDraft = (sessionId: string | undefined, text: string): void =>
  storePref(keyOf(sessionId), text);

export const composerText = signal(readComposerDraft(currentSessionId.peek()));

export function setComposerText(text: string): void {
  composerText.value = text;
  saveComposerDraft(currentSessionId.peek(), text);
}

export function fillComposer(text: string): void {
  const field = document.getElementById('message') as HTMLTextAreaElement | null;
  field?.focus();
  field?.select();
  // Inserting text can be undone; setting the field's value cannot.
  if (document.activeElement !== field || !document.execCommand('insertText', false, text)) setComposerText(text);
}
