import './desktop.css';
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { consumeTokenFromUrl } from '../data/token.ts';
import { Button } from '../parts/kit/button.tsx';
import { DialogHost } from '../parts/kit/dialog.tsx';
import { t } from '../text/text.ts';
import { isInOtherFrame, isInPane, linkSignature } from './address.ts';
import { DesktopBar } from './bar.tsx';
import { forwardTyping, handleDesktopKeys } from './keys.ts';
import { openScreen, reconnectScreen } from './screen.ts';
import { desktopControl, isInputBlocked, rfbClient, screenOverlay } from './state.ts';

const DesktopPage = () => (
  <>
    <a class="skip" href="#screen">
      {t('screen.skip')}
    </a>
    <DesktopBar />
    <main id="screen" tabIndex={-1} aria-label={t('screen.screen')}>
      <Canvas />
      <Overlay />
      <p id="hint">{t('screen.hint')}</p>
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

function Keys() {
  const ref = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (ref.current) forwardTyping(ref.current, (keysym, code) => rfbClient.value?.sendKey(keysym, code));
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
    />
  );
}

/** Ctrl+Alt+Shift leaves the screen. This first makes noVNC release all keys, because they would otherwise stay pressed. */
function leaveScreen(event: KeyboardEvent): void {
  if (!(event.ctrlKey && event.altKey && event.shiftKey) || document.activeElement?.tagName !== 'CANVAS') return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dispatchEvent(new Event('blur'));
  (document.getElementById('control') ?? document.getElementById('back'))?.focus();
}

consumeTokenFromUrl();
document.body.classList.toggle('framed', isInOtherFrame);
document.body.classList.toggle('pane', isInPane);
// Keeps the signature out of the history.
if (linkSignature) history.replaceState(null, '', location.pathname);
addEventListener('keydown', leaveScreen, true);
handleDesktopKeys(() =>
  rfbClient.value && !isInputBlocked()
    ? { rfb: rfbClient.value, clipboard: desktopControl.value.clipboard }
    : undefined,
);
const root = document.getElementById('root');
if (root) render(<DesktopPage />, root);
