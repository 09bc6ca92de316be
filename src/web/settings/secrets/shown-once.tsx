import { CopyButton } from '../../parts/kit/copy-button.tsx';
import { t } from '../../text/text.ts';

/** A secret that the server does not show again. */
export const ShownOnce = ({ label, text }: { label: string; text: string }) => (
  <div class="note good shown-once" role="status">
    <strong>{label}</strong>
    <span>{t('shownOnce')}</span>
    <span class="secret-line">
      <code>{text}</code>
      <CopyButton text={text} />
    </span>
  </div>
);
