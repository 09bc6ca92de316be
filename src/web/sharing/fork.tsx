import { useState } from 'preact/hooks';
import type { EventOf } from '../data/items.ts';
import { conversationState } from '../data/log.ts';
import { navigateToSession } from '../data/route.ts';
import { mutate } from '../data/server.ts';
import { currentSession, currentSessionId, sessions } from '../data/sessions.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { CheckboxField, Form, TextField } from '../parts/kit/field.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { maxTitle, sessionNameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';

export const ForkButton = ({ seq, label }: { seq: number; label?: string }) => (
  <Button
    kind="quiet"
    class="small fork-here rigid"
    icon="fork"
    label={t('fork.here')}
    title={t('fork.tells')}
    aria-label={label}
    onClick={() => confirmFork(seq)}
  />
);

export const canFork = (): boolean =>
  currentSession.value !== undefined && conversationState.items.value.some(({ kind }) => kind === 'end');

/** `seq`: the end of a step or run. Undefined: the end of the newest run. */
export function confirmFork(seq?: number): void {
  const id = currentSessionId.value;
  if (id !== undefined) showDialog(<ForkDialog id={id} seq={seq} />);
}

function ForkDialog({ id, seq }: { id: string; seq: number | undefined }) {
  const [files, setFiles] = useState(true);
  const [title, setTitle] = useState('');
  const make = async () => {
    const name = title.trim();
    const made = await mutate('sessions.fork', { id, seq, files, ...(name !== '' && { title: name }) });
    navigateToSession(made.id);
    closeDialog();
  };
  return (
    <Dialog title={t('fork.title')}>
      <p>{t(seq === undefined ? 'fork.allTells' : 'fork.tells')}</p>
      <Form failure={t('fork.failed')} save={t('fork.make')} icon="fork" onSave={make}>
        <TextField
          label={t('fork.name')}
          value={title}
          maxLength={maxTitle}
          placeholder={t('fork.sameName')}
          onChange={setTitle}
        />
        <CheckboxField label={t('fork.withFiles')} isOn={files} onChange={setFiles} />
      </Form>
    </Dialog>
  );
}

export function ForkNote({ event: { data, sessionId } }: { event: EventOf<'session.forked'> }) {
  const isChild = data.to === sessionId;
  const other = isChild ? data.from : data.to;
  const known = sessions.value.find(({ id }) => id === other);
  // The server copies the files of an attempt or a sub-agent separately.
  const isOwnFork = isChild && !sessions.value.find(({ id }) => id === sessionId)?.parent;
  // Hidden in the original session if the fork cannot be opened, or is an attempt, which the header lists.
  if (!isChild && (!known || known.parent?.attempts)) return null;
  return (
    <p class="aside forked">
      <Icon name="fork" size={15} />
      <span class="fill">
        {t(isChild ? 'fork.cameFrom' : 'fork.wentTo')}{' '}
        {known ? <a href={`#${other}`}>{sessionNameOf(known)}</a> : t('fork.gone')}
        {isOwnFork && ` · ${t(`fork.files.${data.files}`)}`}
      </span>
    </p>
  );
}
