import { useContext } from 'preact/hooks';
import { send } from '../data/actions.ts';
import type { DataOf, Item } from '../data/items.ts';
import { model } from '../data/log.ts';
import { go } from '../data/route.ts';
import { repeatable } from '../data/server.ts';
import { currentId } from '../data/sessions.ts';
import { boundedLine } from '../parts/bounded-text.ts';
import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { attempt } from '../parts/notice.tsx';
import { serverText, t } from '../text/text.ts';
import { setComposer } from './composer-text.ts';
import { Live } from './live.ts';
import { chosenRepository } from './new-session-choices.tsx';

interface Props {
  readonly seq: number;
  readonly data: DataOf<'repository'>;
}

/** A repository that could not be used, which ended the run that waited for it, and the two ways on. */
export function RepositoryCard({ seq, data: { kind, path, url, detail } }: Props) {
  const isLive = useContext(Live);
  const items = model.items.value;
  const isNewest = !items.some((item) => item.seq > seq && isAbout(item, path));
  const asked = items.findLast((item) => item.kind === 'user');
  const task = asked?.kind === 'user' ? asked : undefined;
  const again = () =>
    attempt(t(kind === 'failed' ? 'repository.failed' : 'repository.unprepared'), async () => {
      const { value: sessionId } = currentId;
      if (sessionId === undefined) return;
      await repeatable('repositories.fetch', { sessionId, path });
      if (task) await send({ text: task.text, attachments: task.attachments, goal: task.goal });
    });
  const change = () => {
    go(undefined);
    chosenRepository.value = url;
    setComposer(task?.text ?? '');
  };
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{t(kind === 'failed' ? 'repository.failed' : 'repository.unprepared')}</strong>
        <p>{boundedLine(serverText(detail))}</p>
        {isLive && isNewest && (
          <div class="row">
            <Button kind="primary" icon="retry" onClick={again}>
              {t('retry')}
            </Button>
            <Button onClick={change}>{t('repository.change')}</Button>
          </div>
        )}
      </div>
    </div>
  );
}

const isAbout = (item: Item, path: string): boolean =>
  item.kind === 'event' && item.event.type === 'repository' && item.event.data.path === path;
