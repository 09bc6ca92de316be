import { useContext } from 'preact/hooks';
import { openSession, openSessionFromDialog } from '../app/layout.ts';
import { openAttempts } from '../attempts/open.ts';
import { LiveContext } from '../conversation/live.ts';
import type { EventDataOf, ToolItem } from '../data/items.ts';
import { type Session, sessions } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { PlainText } from '../markdown/plain.tsx';
import { truncateLine } from '../parts/bounded-text.ts';
import { Button, IconButton } from '../parts/kit/button.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Icon, type IconName } from '../parts/kit/icon.tsx';
import { List } from '../parts/kit/list.tsx';
import { StatusChip, StatusIcon } from '../parts/kit/status.tsx';
import { sessionNameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';
import { parseChildResult } from './result.ts';

function findStartedSessions(id: string) {
  const started = sessions.value.filter(({ parent }) => parent?.sessionId === id);
  const { subAgents = [], attempts = [] } = Object.groupBy(started, ({ parent }) =>
    parent?.attempts ? 'attempts' : 'subAgents',
  );
  return { subAgents, attempts };
}

export function DelegationLinks({ session: { id, parent } }: { session: Session }) {
  const above = sessions.value.find((one) => one.id === parent?.sessionId);
  const { subAgents: below, attempts } = findStartedSessions(id);
  const compared = parent?.attempts ? parent.sessionId : id;
  return (
    <>
      {above && (
        <IconButton
          icon="back"
          label={t('delegation.parent', { name: sessionNameOf(above) })}
          onClick={() => openSession(above.id)}
        />
      )}
      {(parent?.attempts || attempts.length > 0) && (
        <HeaderChip
          icon="fork"
          label={t('attempts.compare')}
          count={parent?.attempts ? findStartedSessions(compared).attempts.length : attempts.length}
          onClick={() => openAttempts(compared)}
        />
      )}
      {below.length > 0 && (
        <HeaderChip
          icon="agents"
          label={t('delegation.children', { n: below.length })}
          count={below.length}
          onClick={() => showDialog(<Children id={id} />)}
        />
      )}
    </>
  );
}

interface ChipProps {
  readonly icon: IconName;
  readonly label: string;
  /** Shown in a header without room for the label. */
  readonly count: number;
  readonly onClick: () => void;
}
const HeaderChip = ({ icon, label, count, onClick }: ChipProps) => (
  <Button
    class="small rigid"
    icon={icon}
    aria-label={label}
    title={label}
    label={
      <>
        <span class="loose-only">{label}</span>
        <span class="tight-only">{count}</span>
      </>
    }
    onClick={onClick}
  />
);

function Children({ id }: { id: string }) {
  const { subAgents: below } = findStartedSessions(id);
  return (
    <Dialog title={t('delegation.title')}>
      <p class="quiet">{t('delegation.about')}</p>
      <List
        items={below.map((child) => ({
          key: child.id,
          title: sessionNameOf(child),
          lines: [t(`status.${toDisplayStatus(child)}`)],
          open: () => openSessionFromDialog(child.id),
        }))}
      />
    </Dialog>
  );
}

export function ChildCard({ item, child }: { item: ToolItem; child: EventDataOf<'child.started'> }) {
  const isLive = useContext(LiveContext);
  const { called, status } = item.state.value;
  const session = sessions.value.find(({ id }) => id === child.sessionId);
  return (
    <section class="child padded box small-text" aria-label={t('delegation.isChild')}>
      <header class="row">
        <Icon name="agents" />
        <strong class="cut fill">{session ? sessionNameOf(session) : truncateLine(child.task)}</strong>
        {session ? <StatusChip status={toDisplayStatus(session)} /> : <StatusIcon status={status} />}
        {session && isLive && <Button class="small" label={t('open')} onClick={() => openSession(session.id)} />}
      </header>
      {called && <Result output={called.output} />}
    </section>
  );
}

/** The card's header shows the child's name and state. */
function Result({ output }: { output: string }) {
  const result = parseChildResult(output);
  const { question = '', changes = [], lastWords = '' } = result ?? {};
  if (result && question === '' && changes.length === 0 && lastWords === '') return null;
  return (
    <details class="reply-text">
      <summary>{t('delegation.result')}</summary>
      {!result && <PlainText text={output} />}
      {question !== '' && <Markdown text={question} />}
      {lastWords !== '' && <Markdown text={lastWords} />}
      {changes.length > 0 && (
        <>
          <p class="quiet">{t('checkpoints.changed')}</p>
          <PlainText text={changes.join('\n')} />
        </>
      )}
    </details>
  );
}
