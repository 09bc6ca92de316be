import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { estimateLineCount, splitTextParts } from '../parts/bounded-text.ts';
import { Button } from '../parts/kit/button.tsx';
import { t } from '../text/text.ts';

const maxAtFirst = 20_000; // characters
const maxMore = 100_000; // characters

/** Laid out only near the viewport. Elsewhere, `lines` determines the height. */
export const TextPart = ({ children, lines }: { children: ComponentChildren; lines: number }) => (
  <span class="part full" style={{ containIntrinsicBlockSize: `auto ${lines}lh` }}>
    {children}
  </span>
);

export function TextParts({ text }: { text: string }) {
  const parts = useMemo(() => splitTextParts(text), [text]);
  if (parts.length < 2) return <>{text}</>;
  return parts.map((part, at) => (
    <TextPart key={at} lines={estimateLineCount(part)}>
      {part}
    </TextPart>
  ));
}

export function useTruncatedText(text: string) {
  const [max, setMax] = useState(maxAtFirst);
  const more =
    text.length > max ? (
      <Button
        kind="quiet"
        class="small more-text"
        label={t('moreCharacters', { n: text.length - max })}
        onClick={() => setMax(max + maxMore)}
      />
    ) : null;
  return { beginning: text.slice(0, max), more };
}

export function PlainText({ text }: { text: string }) {
  const { beginning, more } = useTruncatedText(text);
  return (
    <>
      <div class="plain pre" dir="auto">
        <TextParts text={beginning} />
      </div>
      {more}
    </>
  );
}
