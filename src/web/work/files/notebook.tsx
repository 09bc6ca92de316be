import { Highlighted } from '../../markdown/code.tsx';
import { Markdown } from '../../markdown/markdown.tsx';
import { t } from '../../text/text.ts';
import { type Output, readNotebook } from './read-notebook.ts';

const mostCells = 500;

/** A notebook: its texts, its code, and what each cell printed and drew. */
export function Notebook({ text, sessionId }: { text: string; sessionId: string }) {
  const notebook = readNotebook(text);
  if (!notebook) return <p class="quiet empty">{t('notebook.broken')}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <div class="file-body notebook" tabIndex={0} role="document" aria-label={t('files.preview')}>
      {notebook.cells.slice(0, mostCells).map((cell, at) => (
        <section key={at} aria-label={t('notebook.cell', { number: at + 1 })}>
          {cell.kind === 'markdown' ? (
            <Markdown text={cell.source} sessionId={sessionId} />
          ) : (
            <pre class="cell-code">
              <Highlighted code={cell.source} language={cell.kind === 'code' ? notebook.language : ''} />
            </pre>
          )}
          {cell.outputs.map((output, n) => (
            <Shown key={n} output={output} />
          ))}
        </section>
      ))}
    </div>
  );
}

const Shown = ({ output }: { output: Output }) =>
  'picture' in output ? (
    <img src={output.picture} alt="" />
  ) : (
    <pre class={output.isError ? 'cell-output bad-text' : 'cell-output'}>{output.text}</pre>
  );
