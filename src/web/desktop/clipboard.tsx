import { useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { closeDialog, Dialog } from '../parts/dialog.tsx';
import { t } from '../text/text.ts';
import { copied, rfb } from './state.ts';

export function Clipboard() {
  const ref = useRef<HTMLTextAreaElement>(null);
  const send = () => {
    rfb.value?.clipboardPasteFrom(ref.current?.value ?? '');
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
        value={copied.value}
      />
      <div class="choices">
        <Button kind="primary" onClick={send}>
          {t('screen.clipboardSend')}
        </Button>
      </div>
    </Dialog>
  );
}
