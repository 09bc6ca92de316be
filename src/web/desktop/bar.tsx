import { useRef } from 'preact/hooks';
import type { DisplayStatus } from '../data/status.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { t } from '../text/text.ts';
import { isInPane, sessionPageUrl } from './address.ts';
import { sendControlRequest } from './screen.ts';
import {
  canPan,
  desktopClipboard,
  desktopControl,
  isInputBlocked,
  isPanning,
  isScaledToFit,
  isViewOnly,
  rfbClient,
  type ScreenConnectionState,
  screenConnectionState,
} from './state.ts';

/** Session status whose style the bar uses for each connection state. */
const looks: Readonly<Record<ScreenConnectionState, DisplayStatus>> = {
  pending: 'running',
  live: 'finished',
  waiting: 'waiting',
  failed: 'failed',
};
const controlTexts = { you: 'screen.give', another: 'screen.takeOver', nobody: 'screen.take' } as const;

export const DesktopBar = () => (
  <header id="bar">
    <a id="back" href={sessionPageUrl}>
      ‹ {t('screen.back')}
    </a>
    <h1>{t('screen.title')}</h1>
    <span id="state" class="chip" role="status" data-status={looks[screenConnectionState.value]}>
      {t(`screen.${screenConnectionState.value}`)}
    </span>
    <span id="who" role="status">
      {rfbClient.value && who()}
    </span>
    <Tools />
  </header>
);

function who(): string {
  const { who: holder, mayControl } = desktopControl.value;
  if (holder === 'nobody') return t(mayControl ? 'desktop.agentHas' : 'screen.mayWatch');
  return t(holder === 'you' ? 'screen.youHave' : 'screen.anotherHas');
}

function Tools() {
  const { who: holder, mayControl, clipboard } = desktopControl.value;
  return (
    <div id="tools" role="toolbar" aria-label={t('screen.title')}>
      {mayControl && <Button label={t(controlTexts[holder])} id="control" kind="primary" onClick={changeControl} />}
      {mayControl && (
        <label class="switch">
          <input
            id="view-only"
            type="checkbox"
            checked={isViewOnly.value}
            onChange={({ currentTarget }) => {
              isViewOnly.value = currentTarget.checked;
              if (isViewOnly.value && holder === 'you') sendControlRequest('give');
            }}
          />
          {t('screen.viewOnly')}
        </label>
      )}
      <Button
        label={t('screen.fit')}
        id="scale"
        aria-pressed={isScaledToFit.value}
        onClick={() => {
          isScaledToFit.value = !isScaledToFit.value;
        }}
      />
      {canPan() && !isInputBlocked() && (
        <Button
          label={t('screen.pan')}
          aria-pressed={isPanning.value}
          onClick={() => {
            isPanning.value = !isPanning.value;
          }}
        />
      )}
      {clipboard && mayControl && <Button label={t('screen.clipboard')} onClick={() => showDialog(<Clipboard />)} />}
      {rfbClient.value && !isInputBlocked() && (
        <Button label={t('screen.keyboard')} onClick={() => document.getElementById('keys')?.focus()} />
      )}
      {isInPane && (
        <a class="button quiet" href={location.pathname} target="_blank" rel="noreferrer">
          <Icon name="external" size={16} /> {t('openInTab')}
        </a>
      )}
    </div>
  );
}

function changeControl(): void {
  if (desktopControl.value.who === 'you') sendControlRequest('give');
  else {
    isViewOnly.value = false;
    sendControlRequest('take');
    rfbClient.value?.focus();
  }
}

function Clipboard() {
  const ref = useRef<HTMLTextAreaElement>(null);
  const send = () => {
    rfbClient.value?.clipboardPasteFrom(ref.current?.value ?? '');
    closeDialog();
  };
  return (
    <Dialog title={t('screen.clipboardOf')}>
      <p>{t('screen.clipboardHelp')}</p>
      <textarea
        id="clipboard-text"
        ref={ref}
        class="field"
        rows={6}
        aria-label={t('screen.clipboardOf')}
        value={desktopClipboard.value}
      />
      <div class="choices">
        <Button kind="primary" label={t('screen.clipboardSend')} onClick={send} />
      </div>
    </Dialog>
  );
}
