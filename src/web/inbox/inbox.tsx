import { useEffect, useState } from 'preact/hooks';
import { SegmentedControl } from '../parts/kit/choice.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { ChoiceField } from '../parts/kit/field.tsx';
import { loadProjects, projects } from '../sessions/filters.ts';
import { t } from '../text/text.ts';
import { InboxEntry } from './entry.tsx';
import { findInboxReason, type InboxReason, inboxSessions } from './needs.ts';

const mostShown = 30;
type InboxFilter = 'all' | InboxReason;

export const openInbox = (): void => showDialog(<Inbox />);

function Inbox() {
  const [shown, setShown] = useState<InboxFilter>('all');
  const [project, setProject] = useState('');
  useEffect(() => void loadProjects().catch(() => {}), []); // without the projects, the list shows all sessions
  const withNeeds = projects.value.filter(({ id }) => inboxSessions.value.some(({ projectId }) => projectId === id));
  const all = inboxSessions.value.filter(({ projectId }) => project === '' || projectId === project);
  const found = all.filter((session) => shown === 'all' || findInboxReason(session) === shown);
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
        {found.length > mostShown && <p class="quiet">{t('inbox.more', { n: found.length - mostShown })}</p>}
      </div>
    </Dialog>
  );
}
