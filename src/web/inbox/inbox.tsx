import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { ErrorCode } from '../../core/errors/errors.ts';
import { openSessionFromDialog } from '../app/layout.ts';
import { drawOpenItem } from '../conversation/notes.tsx';
import { ConversationState } from '../data/model.ts';
import { createRandomKey, mutateWithRetry, query } from '../data/server.ts';
import type { Session } from '../data/sessions.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { truncateLine } from '../parts/bounded-text.ts';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button } from '../parts/kit/button.tsx';
import { SegmentedControl } from '../parts/kit/choice.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { ChoiceField } from '../parts/kit/field.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { loadProjects, projects } from '../sessions/filters.ts';
import { sessionNameOf } from '../sessions/name.ts';
import { t, translateError, translateFailure } from '../text/text.ts';
import { findInboxReason, type InboxReason, inboxSessions } from './needs.ts';

const mostShown = 30;
type InboxFilter = 'all' | InboxReason;

export const openInbox = (): void => showDialog(<Inbox />);

function Inbox() {
  const [shown, setShown] = useState<InboxFilter>('all');
  const [project, setProject] = useState('');
  useEffect(() => void loadProjects().catch(() => {}), []);
  const withNeeds = projects.value.filter(({ id }) => inboxSessions.value.some(({ projectId }) => projectId === id));
  const all = inboxSessions.value.filter(({ projectId }) => project === '' || projectId === project);
  const found = all.filter((session) => shown === 'all' || findInboxReason(session) === shown);
  const known = useRef(new Map<string, Session>());
  for (const session of inboxSessions.value) known.current.set(session.id, session);
  const settled = [...known.current.values()].filter(({ id }) => !inboxSessions.value.some((one) => one.id === id));
  const count = (need: InboxReason) => all.filter((session) => findInboxReason(session) === need).length;
  return (
    <Dialog title={t('inbox')} wide>
      <div class="inbox roomy grid">
        <SegmentedControl<InboxFilter>
          label={t('inbox.show')}
          value={shown}
          options={[
            { value: 'all', label: t('inbox.all', { n: all.length }) },
            { value: 'waiting', label: t('inbox.waiting', { n: count('waiting') }) },
            { value: 'failed', label: t('inbox.failed', { n: count('failed') }) },
          ]}
          onChange={setShown}
        />
        {(withNeeds.length > 0 || project !== '') && (
          <ChoiceField
            label={t('filter.project')}
            value={project}
            choices={[
              ['', t('allProjects')],
              ...projects.value
                .filter(({ id }) => id === project || withNeeds.some((one) => one.id === id))
                .map(({ id, name }) => [id, name] as const),
            ]}
            onChange={setProject}
          />
        )}
        {found.length === 0 && (
          <p class="quiet">{t(shown === 'all' && project === '' ? 'inbox.nothing' : 'noMatch')}</p>
        )}
        {found.slice(0, mostShown).map((session) => (
          <InboxEntry key={session.id} session={session} />
        ))}
        {settled.map((session) => (
          <p key={session.id} class="row quiet" role="status">
            {t('inbox.settled', { name: sessionNameOf(session) })}
            <Button class="small" label={t('open')} onClick={() => openSessionFromDialog(session.id)} />
          </p>
        ))}
        {found.length > mostShown && <p class="quiet">{t('inbox.more', { n: found.length - mostShown })}</p>}
      </div>
    </Dialog>
  );
}

// Number of events read from the end of the log, to show why the session is waiting or has failed.
const before = 100;
const limit = 500;

function InboxEntry({ session }: { session: Session }) {
  const { id, lastSeq } = session;
  const title = useId();
  const model = useMemo(() => new ConversationState(), [id]);
  const [trouble, tryIt] = useActionError();
  const [error, setError] = useState<{ text: string; code?: ErrorCode | undefined }>({ text: '' });
  const need = findInboxReason(session);
  useEffect(() => {
    if (need === undefined) return;
    void tryIt(t('inbox.unread'), async () => {
      const { events } = await query('events.list', { sessionId: id, afterSeq: Math.max(0, lastSeq - before), limit });
      model.clear();
      model.take(events);
      const failure = events.findLast((event) => event.type === 'run.error');
      const end = events.findLast((event) => event.type === 'run.end');
      const code = end?.type === 'run.end' ? end.data.code : undefined;
      const clone = events.findLast((event) => event.type === 'repository');
      // The run's own error only repeats why the repository could not be fetched.
      if (clone?.type === 'repository' && clone.data.kind === 'failed') setError({ text: clone.data.detail });
      else setError({ text: failure?.type === 'run.error' ? failure.data.error : '', code });
    });
  }, [id, lastSeq, need]);
  const open = model.open.value;
  const wait = open.find((item) => item.kind === 'wait');
  const question = wait?.kind === 'wait' ? wait.data.question : '';
  return (
    <article class="inbox-entry grid box" aria-labelledby={title}>
      <header class="row wrap">
        <h3 class="breaks" id={title}>
          {sessionNameOf(session)}
        </h3>
        <span class="quiet">
          <RelativeTime at={session.latestMessageAt} />
        </span>
        <Button
          class="small"
          label={t('open')}
          aria-label={t('inbox.openOne', { name: sessionNameOf(session) })}
          onClick={() => openSessionFromDialog(id)}
        />
      </header>
      {open.map(drawOpenItem)}
      {question !== '' && <Markdown text={question} />}
      {wait && <Answer session={session} />}
      {need === 'failed' && <Failure id={id} {...error} />}
      <FormError text={trouble} />
    </article>
  );
}

/** An answer also renews a spent budget. */
function Answer({ session }: { session: Session }) {
  const [text, setText] = useState('');
  const [isSending, setSending] = useState(false);
  const [trouble, tryIt] = useActionError();
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === '' || isSending) return;
        setSending(true);
        const message = { sessionId: session.id, text, mode: 'inject' as const, attachments: [] };
        void tryIt(t('notSent'), () =>
          mutateWithRetry('runs.send', { ...message, clientMessageId: createRandomKey() }),
        ).then((isSent) => {
          setSending(false);
          if (isSent) setText('');
        });
      }}
    >
      <input
        class="field"
        aria-label={t('inbox.answer', { name: sessionNameOf(session) })}
        placeholder={t('hint.answer')}
        maxLength={200_000}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" kind="primary" label={t('send')} disabled={isSending || text.trim() === ''} />
      <FormError text={trouble} />
    </form>
  );
}

function Failure({ id, text, code }: { id: string; text: string; code?: ErrorCode | undefined }) {
  const [trouble, tryIt] = useActionError();
  const failure = text === '' || code === undefined ? translateFailure(text) : translateError(code, text);
  return (
    <>
      <p class="note bad">{text === '' ? t('end.failed') : truncateLine(failure)}</p>
      <div class="choices">
        <Button
          class="small"
          label={t('inbox.seen')}
          onClick={() => void tryIt(t('notSaved'), () => mutateWithRetry('sessions.update', { id, unread: 0 }))}
        />
      </div>
      <FormError text={trouble} />
    </>
  );
}
