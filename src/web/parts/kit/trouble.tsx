import { useEffect, useRef, useState } from 'preact/hooks';
import { toErrorText } from '../../data/server.ts';
import { t } from '../../text/text.ts';

type RunAction = (what: string, work: () => Promise<unknown>) => Promise<boolean>;

/**
 * Shows failures in a dialog, which covers the notice of the page: what failed, and a function that tries work.
 * Resolves with whether it worked.
 */
export function useTrouble(): [text: string, tryIt: RunAction] {
  const [text, setText] = useState('');
  const tryIt: RunAction = async (what, work) => {
    setText('');
    try {
      await work();
      return true;
    } catch (thrown) {
      setText(t('notDone', { what, why: toErrorText(thrown) }));
      return false;
    }
  };
  return [text, tryIt];
}

/** Scrolls to itself, because a form can be longer than its dialog. */
export function Trouble({ text }: { text: string }) {
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => ref.current?.scrollIntoView({ block: 'nearest' }), [text]);
  return text === '' ? null : (
    <p ref={ref} class="note bad" role="alert">
      {text}
    </p>
  );
}

/** In the place of what is not read yet: that it comes, or why it does not. */
export const Pending = ({ trouble }: { trouble: string }) =>
  trouble === '' ? <p class="quiet">{t('files.loading')}</p> : <Trouble text={trouble} />;
