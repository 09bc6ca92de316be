import { useEffect, useRef, useState } from 'preact/hooks';
import { CallError, toErrorText } from '../../data/server.ts';
import { t, translateServerText } from '../../text/text.ts';
import { Button } from './button.tsx';

export class InvalidFieldsError extends Error {
  readonly fields: Readonly<Record<string, string>>;

  constructor(fields: Readonly<Record<string, string>>) {
    super(Object.values(fields).join(' '));
    this.fields = fields;
  }
}

/** The sentences for those of the `shown` fields that the error names. Empty: the error is not about one of them. */
export function findFieldErrors(thrown: unknown, shown: readonly string[]): Readonly<Record<string, string>> {
  const isAboutFields = thrown instanceof CallError || thrown instanceof InvalidFieldsError;
  const found = Object.entries(isAboutFields ? thrown.fields : {}).flatMap(([path, text]) => {
    const field = findShownField(path, shown);
    return field === undefined ? [] : [[field, sentence(translateServerText(text))] as const];
  });
  return Object.fromEntries(found.reverse());
}

/** An error in `repositories.0.url` belongs at `repositories`, and an error in `hook` at the first field of it. */
function findShownField(path: string, shown: readonly string[]): string | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const found = shown.find((name) => name === at) ?? shown.find((name) => name.startsWith(`${at}.`));
    if (found !== undefined) return found;
  }
  return undefined;
}

export const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

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
