import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query, wordsOf } from '../../data/server.ts';
import { count } from '../../parts/format.ts';
import { IconButton } from '../../parts/kit/button.tsx';
import { Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import { t } from '../../text/text.ts';

type SeenTurn = Outputs['sessions']['promptAt'];

export const showSeen = (sessionId: string, turn: number | undefined): void =>
  showDialog(<Seen sessionId={sessionId} first={turn} />);

/** The request of a turn: its instructions, messages and tools, exactly as the model got them. */
function Seen({ sessionId, first }: { sessionId: string; first: number | undefined }) {
  const [turn, setTurn] = useState(first);
  const [seen, setSeen] = useState<SeenTurn | { readonly failed: string }>();
  useEffect(() => {
    const asked = { id: sessionId, ...(turn !== undefined && { turn }) };
    query('sessions.promptAt', asked).then(setSeen, (thrown: unknown) => setSeen({ failed: wordsOf(thrown) }));
  }, [sessionId, turn]);
  const at = turn ?? (seen && 'turn' in seen ? seen.turn : 1);
  return (
    <Dialog wide title={t('timeline.seen', { turn: at })}>
      <div class="row">
        <IconButton icon="back" label={t('timeline.turnBefore')} disabled={at <= 1} onClick={() => setTurn(at - 1)} />
        <IconButton icon="chevron" label={t('timeline.turnAfter')} onClick={() => setTurn(at + 1)} />
        {seen && 'model' in seen && (
          <span class="quiet">
            {seen.model} · {t(seen.proved ? 'timeline.proved' : 'timeline.unproved')}
          </span>
        )}
      </div>
      {!seen && <p class="quiet">{t('files.loading')}</p>}
      {seen && 'failed' in seen && <p class="bad-text">{seen.failed}</p>}
      {seen && 'request' in seen && <Request seen={seen} />}
    </Dialog>
  );
}

function Request({ seen: { request, sections } }: { seen: SeenTurn }) {
  const { messages, tools, note, hint } = request;
  return (
    <div class="seen">
      {sections.map(({ part, text }, at) => (
        <Part key={`${part} ${at}`} title={t('timeline.part', { part })} text={text} />
      ))}
      {sections.length === 0 && <Part title={t('timeline.instructions')} text={request.system} />}
      {tools.length > 0 && (
        <Part
          title={t('timeline.tools', { count: tools.length })}
          text={tools.map(({ name, description }) => `${name}\n    ${description}`).join('\n\n')}
        />
      )}
      {messages.map((message, at) => (
        <Part
          key={at}
          isOpen={at >= messages.length - 3}
          title={`${at + 1} · ${message.role}`}
          text={textOf(message)}
        />
      ))}
      {note !== undefined && <Part isOpen title={t('timeline.note')} text={note} />}
      {hint !== undefined && <Part isOpen title={t('timeline.note')} text={hint} />}
    </div>
  );
}

const Part = ({ title, text, isOpen = false }: { title: string; text: string; isOpen?: boolean }) => (
  <details open={isOpen}>
    <summary>
      {title} <span class="quiet">{t('timeline.chars', { count: count(text.length) })}</span>
    </summary>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
    <pre tabIndex={0} role="region" aria-label={title}>
      {text}
    </pre>
  </details>
);

/** A message as text; content that is no text is shown as its data. */
function textOf(message: SeenTurn['request']['messages'][number]): string {
  const { role: _role, ...rest } = message;
  if ('text' in rest && typeof rest.text === 'string' && Object.keys(rest).length === 1) return rest.text;
  return JSON.stringify(rest, null, 2).replaceAll('\\n', '\n');
}
