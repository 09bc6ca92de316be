import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { CallError, connectionState, pendingMutations, toErrorText } from '../data/server.ts';
import { serverInfo } from '../data/system.ts';
import { t } from '../text/text.ts';
import { IconButton } from './kit/button.tsx';

/** `wait`: the problem is temporary, or nothing was done. */
type NoticeKind = 'good' | 'wait' | 'bad';
interface NoticeText {
  readonly text: string;
  readonly kind: NoticeKind;
  readonly docs?: string | undefined;
}
const message = signal<NoticeText | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export function notify(text: string, kind: NoticeKind = 'good', docs?: string): void {
  clearTimeout(timer);
  message.value = text === '' ? undefined : { text, kind, docs };
  // An error stays until it is dismissed, the next action starts, or another session or tab is opened.
  if (text !== '' && kind !== 'bad') timer = setTimeout(() => notify(''), 6_000);
}

export function dismissError(): void {
  if (message.peek()?.kind === 'bad') notify('');
}

/** Shows an error if the work fails. Resolves with true on success. */
export async function tryOrNotify(what: string, work: () => Promise<unknown>): Promise<boolean> {
  dismissError();
  try {
    await work();
    return true;
  } catch (thrown) {
    notify(
      t('notDone', { what, why: toErrorText(thrown) }),
      'bad',
      thrown instanceof CallError ? thrown.docs : undefined,
    );
    return false;
  }
}

export function useBusyAction(): [isBusy: boolean, act: typeof tryOrNotify] {
  const [isBusy, setBusy] = useState(false);
  const act: typeof tryOrNotify = async (what, work) => {
    setBusy(true);
    const isDone = await tryOrNotify(what, work);
    setBusy(false);
    return isDone;
  };
  return [isBusy, act];
}

export const GuideLink = ({ docs }: { docs: string }) => (
  <>
    {' '}
    <a href={docs} target="_blank" rel="noopener">
      {t('guide')}
    </a>
  </>
);

export function Notice() {
  const broken: NoticeText | undefined =
    connectionState.value === 'broken' ? { text: brokenText(), kind: 'wait' } : undefined;
  const draining: NoticeText | undefined = serverInfo.value?.draining
    ? { text: t('draining'), kind: 'wait', docs: '/guide/deploy#drain-a-server' }
    : undefined;
  const shown = broken ?? message.value ?? draining;
  return (
    <div class="notice-place rigid">
      <p
        class={`notice ${shown?.kind ?? ''} ${shown === message.value ? 'passing' : ''}`}
        role="status"
        hidden={!shown}
      >
        {shown && shown === message.value && (
          <IconButton icon="close" label={t('notice.dismiss')} onClick={() => notify('')} />
        )}
        {shown?.text}
        {shown?.docs && <GuideLink docs={shown.docs} />}
      </p>
    </div>
  );
}

function brokenText(): string {
  const away = t(navigator.onLine ? 'connectionLost' : 'deviceOffline');
  const messages = pendingMutations.value.filter((path) => path === 'runs.send' || path === 'sessions.create').length;
  const others = pendingMutations.value.length - messages;
  return [
    away,
    ...(messages > 0 ? [t('sentThenMessage', { n: messages })] : []),
    ...(others > 0 ? [t('sentThenOther', { n: others })] : []),
  ].join(' ');
}
