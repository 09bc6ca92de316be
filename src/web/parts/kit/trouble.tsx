import { useEffect, useRef, useState } from 'preact/hooks';
import { toErrorText } from '../../data/server.ts';
import { t } from '../../text/text.ts';
import { Button } from './button.tsx';

/** Dialogs need this, because they cover the page's notice. */
export function useActionError() {
  const [text, setText] = useState('');
  const tryIt = async (what: string, work: () => Promise<unknown>) => {
    setText('');
    try {
      await work();
      return true;
    } catch (thrown) {
      setText(t('notDone', { what, why: toErrorText(thrown) }));
      return false;
    }
  };
  return [text, tryIt] as const;
}

/** Runs `work` when the component mounts, and again when one of the `reasons` changes. */
export function useLoadAction(what: string, work: () => Promise<unknown>, reasons: readonly unknown[] = []) {
  const [text, tryIt] = useActionError();
  const again = () => void tryIt(what, work);
  useEffect(again, reasons);
  return [text, tryIt, again] as const;
}

export function useLoadedData<Data>(load: () => Promise<Data>, reasons: readonly unknown[]) {
  const [{ now, problem }, set] = useState<{ readonly now?: Data; readonly problem: string }>({ problem: '' });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isOver = false;
    load().then(
      (found) => isOver || set({ now: found, problem: '' }),
      (thrown: unknown) => isOver || set((old) => ({ ...old, problem: toErrorText(thrown) })),
    );
    return () => {
      isOver = true;
    };
  }, [...reasons, turn]);
  return { now, problem, again: () => setTurn((count) => count + 1) };
}

const slowMs = 8_000;

/** A load that can fail can be repeated. */
type LoadState = { readonly problem?: never; readonly again?: never } | { readonly problem: string; again(): void };

export function LoadPlaceholder({ problem = '', again }: LoadState) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class={problem === '' ? 'quiet empty' : 'empty bad-text'} role={problem === '' ? undefined : 'alert'}>
      <p>{problem || t(isSlow ? 'loadingSlow' : 'loading')}</p>
      {(problem !== '' || isSlow) && again && <Button icon="retry" label={t('tryAgain')} onClick={() => again()} />}
    </div>
  );
}

/** Scrolls itself into view, because a form can be longer than its dialog. */
export function FormError({ text }: { text: string }) {
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => ref.current?.scrollIntoView({ block: 'nearest' }), [text]);
  return text === '' ? null : (
    <p ref={ref} class="note bad" role="alert">
      {text}
    </p>
  );
}
