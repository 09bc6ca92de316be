import './desktop.css';
import { signal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { DisplayStatus } from '../data/status.ts';
import { consumeTokenFromUrl } from '../data/token.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, DialogHost, showDialog } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { isTouchDevice } from '../parts/touch.ts';
import { t } from '../text/text.ts';
import { isInOtherFrame, isInPane, linkSignature, sessionPageUrl } from './address.ts';
import { forwardTyping, handleDesktopKeys } from './keys.ts';
import { openScreen, reconnectScreen, sendControlRequest } from './screen.ts';
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
  screenOverlay,
} from './state.ts';

const DesktopPage = () => (
  <>
    <a class="skip" href="#screen">
      {t('screen.skip')}
    </a>
    <DesktopBar />
    <main id="screen" tabIndex={-1} aria-label={t('screen.screen')}>
      <Canvas />
      <Overlay />
      <Keys />
    </main>
    <DialogHost />
  </>
);

/** Nothing else is drawn in this element, because noVNC adds its canvas to it. */
function Canvas() {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (ref.current) openScreen(ref.current);
  }, []);
  return <div class="canvas-holder" ref={ref} />;
}

function Overlay() {
  const over = screenOverlay.value;
  if (!over) return null;
  const ours = over.key && t(over.key, { seconds: over.seconds ?? 0 });
  return (
    <div id="cover">
      <p id="message">{[over.detail, ours].filter((text) => text !== undefined).join(' ')}</p>
      {over.retry && <Button kind="primary" label={t(over.retry)} onClick={reconnectScreen} />}
    </div>
  );
}

/** Whether typed text goes through the field of a phone's keyboard. */
const isTyping = signal(false);

function Keys() {
  const ref = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (ref.current) forwardTyping(ref.current, (...key) => rfbClient.value?.sendKey(...key));
  }, []);
  return (
    <textarea
      id="keys"
      ref={ref}
      aria-label={t('screen.keys')}
      autocapitalize="off"
      autocomplete="off"
      spellcheck={false}
      tabIndex={-1}
      onFocus={() => {
        isTyping.value = true;
      }}
      onBlur={() => {
        isTyping.value = false;
      }}
    />
  );
}

/** The blur event makes noVNC release all keys before the focus moves. */
function leaveScreen(event: KeyboardEvent): void {
  if (!(event.ctrlKey && event.altKey && event.shiftKey) || !document.activeElement?.matches('canvas, #keys')) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dispatchEvent(new Event('blur'));
  (document.getElementById('control') ?? document.getElementById('back'))?.focus();
}

/** Shortcuts of the surrounding page also work here, except while keys go to the screen. */
function forwardShortcut(event: KeyboardEvent): void {
  if (!(event.ctrlKey || event.altKey || event.metaKey) || window.parent === window) return;
  if (document.activeElement?.matches('canvas, #keys') && !isInputBlocked()) return;
  if (!window.parent.dispatchEvent(new KeyboardEvent('keydown', event))) event.preventDefault();
}

const looks: Readonly<Record<ScreenConnectionState, DisplayStatus>> = {
  pending: 'running',
  live: 'finished',
  waiting: 'waiting',
  failed: 'failed',
};
const controlTexts = { you: 'screen.give', another: 'screen.takeOver', nobody: 'screen.take' } as const;

function DesktopBar() {
  const { who: holder, mayControl, clipboard } = desktopControl.value;
  return (
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
          <Button
            label={t('screen.keyboard')}
            aria-pressed={isTyping.value}
            onMouseDown={(event) => event.preventDefault()} // the field keeps the focus until the click
            onClick={() => (isTyping.value ? document.getElementById('keys')?.blur() : typeOnScreen())}
          />
        )}
        {isInPane && (
          <a class="button quiet" href={location.pathname} target="_blank" rel="noreferrer">
            <Icon name="external" size={16} /> {t('openInTab')}
          </a>
        )}
      </div>
    </header>
  );
}

function who(): string {
  const { who: holder, mayControl } = desktopControl.value;
  if (holder === 'nobody') return t(mayControl ? 'desktop.agentHas' : 'screen.mayWatch');
  if (holder === 'another') return t('screen.anotherHas');
  return isTouchDevice() ? t('screen.youHave') : `${t('screen.youHave')} ${t('screen.hint')}`;
}

function changeControl(): void {
  if (desktopControl.value.who === 'you') sendControlRequest('give');
  else {
    takeControl();
    rfbClient.value?.focus();
  }
}

function takeControl(): void {
  isViewOnly.value = false;
  sendControlRequest('take');
}

/** Opens a phone's keyboard, and makes input methods work. */
function typeOnScreen(): void {
  if (desktopControl.value.who !== 'you') takeControl();
  document.getElementById('keys')?.focus();
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

consumeTokenFromUrl();
document.body.classList.toggle('framed', isInOtherFrame);
document.body.classList.toggle('pane', isInPane);
// Keeps the signature out of the browser history.
if (linkSignature) history.replaceState(null, '', location.pathname);
addEventListener('keydown', leaveScreen, true);
if (isInPane) addEventListener('keydown', forwardShortcut, true);
handleDesktopKeys(() =>
  rfbClient.value && !isInputBlocked()
    ? { rfb: rfbClient.value, clipboard: desktopControl.value.clipboard }
    : undefined,
);
const root = document.getElementById('root');
if (root) render(<DesktopPage />, root);
