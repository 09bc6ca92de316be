import { t } from '../text/text.ts';

const maxPlain = 20_000; // characters

/** A text as it is, for what is not parsed yet, cannot be parsed, or could not be drawn. */
export const Plain = ({ text }: { text: string }) => (
  <>
    <p class="plain">{text.slice(0, maxPlain)}</p>
    {text.length > maxPlain && <p class="quiet">{t('moreCharacters', { n: text.length - maxPlain })}</p>}
  </>
);
