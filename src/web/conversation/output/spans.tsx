import type { AnsiSpan } from '../../parts/ansi.ts';

export const AnsiSpans = ({ spans }: { spans: readonly AnsiSpan[] }) => (
  <>
    {spans.map(({ text, class: names, color, background }, n) =>
      names === '' && !color && !background ? (
        text
      ) : (
        <span key={n} class={names} style={{ ...(color && { color }), ...(background && { background }) }}>
          {text}
        </span>
      ),
    )}
  </>
);
