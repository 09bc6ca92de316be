import { t } from '../text/text.ts';
import { formatCount } from './format.ts';
import { notify } from './notice.tsx';

/** Pasted or dropped text that the browser would cut, because the field's `maxLength` is too small for it. */
export function findTooLongText({ target, data }: InputEvent): string | undefined {
  if (!(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)) return undefined;
  if (!data || data.length < 2 || target.maxLength < 0) return undefined; // one character was typed
  const { value, selectionStart, selectionEnd, maxLength } = target;
  const kept = value.length - ((selectionEnd ?? 0) - (selectionStart ?? 0));
  return kept + data.length > maxLength ? data : undefined;
}

export function noticeCutPastes(): void {
  addEventListener('beforeinput', (event) => {
    if (event.defaultPrevented || findTooLongText(event) === undefined) return;
    notify(t('pasteCut', { n: formatCount((event.target as HTMLInputElement).maxLength) }), 'wait');
  });
}
