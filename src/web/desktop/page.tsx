import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/kit/button.tsx';
import { Dialogs } from '../parts/kit/dialog.tsx';
import { t } from '../text/text.ts';
import { DesktopBar } from './bar.tsx';
import { forwardTyping } from './keys.ts';
import { openScreen, reconnectScreen } from './screen.ts';
import { rfb, screenOverlay } from './state.ts';

export const DesktopPage = () => (
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
    <Dialogs />
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
    if (ref.current) forwardTyping(ref.current, (keysym, code) => rfb.value?.sendKey(keysym, code));
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
