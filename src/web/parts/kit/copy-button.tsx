import { useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { IconButton } from './button.tsx';

/** Without clipboard access (plain HTTP), copies the text through a temporary text field. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}

export function CopyButton({ text, label = t('copy') }: { text: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const act = () =>
    copy(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1_500);
      },
      () => {},
    );
  return (
    <IconButton class="small" icon={isCopied ? 'check' : 'copy'} label={isCopied ? t('copied') : label} onClick={act} />
  );
}
