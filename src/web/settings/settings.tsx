import { type ComponentType, Fragment } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { currentUser } from '../data/people.ts';
import { theme } from '../data/prefs.ts';
import { currentSessionId } from '../data/sessions.ts';
import { Button } from '../parts/kit/button.tsx';
import { SegmentedControl } from '../parts/kit/choice.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { LoadPlaceholder } from '../parts/kit/trouble.tsx';
import { ChunkLoadError } from '../parts/part-not-loaded.tsx';
import { type Language, language, languages, t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { ModelsPage } from './models.tsx';
import { AgentSettings, NetworkPage } from './session.tsx';

function later<Props extends object, Name extends string>(
  load: () => Promise<Readonly<Record<Name, ComponentType<NoInfer<Props>>>>>,
  name: Name,
): ComponentType<Props> {
  return function Later(props: Props) {
    const [Body, setBody] = useState<ComponentType<Props>>();
    const [hasFailed, setFailed] = useState(false);
    const read = () =>
      load().then(
        (loaded) => setBody(() => loaded[name]),
        () => setFailed(true),
      );
    useEffect(() => void read(), []);
    if (Body) return <Body {...props} />;
    return hasFailed ? <ChunkLoadError again={read} /> : <LoadPlaceholder />;
  };
}

const themes = ['system', 'light', 'dark'] as const;
const Look = () => (
  <>
    <SegmentedControl
      label={t('theme')}
      value={theme.value}
      options={themes.map((value) => ({ value, label: t(`theme.${value}`) }))}
      onChange={(value) => {
        theme.value = value;
      }}
    />
    <SegmentedControl
      label={t('language')}
      value={language.value}
      options={(Object.keys(languages) as Language[]).map((value) => ({ value, label: languages[value].label }))}
      onChange={(value) => {
        language.value = value;
      }}
    />
  </>
);
/** Once denied, notifications can be allowed again only in the browser's settings. */
function Notifications() {
  const [state, setState] = useState(typeof Notification === 'undefined' ? 'missing' : Notification.permission);
  const ask = () => Notification.requestPermission().then(setState, () => {});
  return (
    <>
      <p>{t('notifications.tells')}</p>
      {state === 'default' && (
        <div>
          <Button kind="primary" icon="bell" label={t('notifications.ask')} onClick={ask} />
        </div>
      )}
      {state === 'granted' && <p class="note good">{t('notifications.granted')}</p>}
      {state === 'denied' && <p class="note wait">{t('notifications.denied')}</p>}
      {state === 'missing' && <p class="note wait">{t('notifications.missing')}</p>}
    </>
  );
}
interface SettingsSection {
  readonly id: string;
  readonly group?: TextKey;
  readonly label: TextKey;
  readonly shows?: () => boolean;
  /** `reopenSettings` shows the settings again after another dialog has replaced them. */
  readonly Body: ComponentType<{ reopenSettings: () => void }>;
}

const seesAdministration = () => currentUser.value?.role === 'admin' || currentUser.value?.role === 'auditor';
const hasSession = () => currentSessionId.value !== undefined;
const ServerSettings = later<{ parts: readonly string[] }, 'ServerSettings'>(
  () => import('./server/server-settings.tsx'),
  'ServerSettings',
);
const ofServer =
  (...parts: string[]) =>
  () => <ServerSettings key={parts[0]} parts={parts} />;

const sections: readonly SettingsSection[] = [
  { id: 'look', group: 'you', label: 'settings.look', Body: Look },
  {
    id: 'account',
    label: 'account',
    shows: () => (currentUser.value?.person ?? null) !== null,
    Body: later(() => import('./account.tsx'), 'AccountPage'),
  },
  { id: 'notifications', label: 'settings.notifications', Body: Notifications },
  { id: 'memory', label: 'memory', Body: later(() => import('./memory/memory.tsx'), 'MemoryPage') },
  { id: 'uploads', label: 'uploads', Body: later(() => import('./uploads.tsx'), 'UploadsPage') },
  { id: 'projects', label: 'members', Body: later(() => import('./projects/projects.tsx'), 'ProjectsPage') },
  { id: 'usage', label: 'usage', Body: later(() => import('./usage/usage.tsx'), 'UsagePage') },
  { id: 'agent', group: 'thisSession', label: 'settings.agent', shows: hasSession, Body: AgentSettings },
  { id: 'network', label: 'settings.network', shows: hasSession, Body: NetworkPage },
  { id: 'models', group: 'settings.server', label: 'settings.models', Body: ModelsPage },
  { id: 'server-approvals', label: 'server.approvals', Body: ofServer('approvals', 'tools') },
  { id: 'server-network', label: 'server.network', Body: ofServer('network') },
  { id: 'server-defaults', label: 'server.defaults', Body: ofServer('template', 'budgets', 'retention') },
  {
    id: 'server-secrets',
    label: 'server.secrets',
    Body: later(() => import('./secrets/secrets.tsx'), 'SandboxSecrets'),
  },
  { id: 'built-templates', label: 'built', Body: later(() => import('./templates/templates.tsx'), 'BuiltTemplates') },
  {
    id: 'tool-servers',
    label: 'toolServers',
    Body: later(() => import('./tool-servers/tool-servers.tsx'), 'ToolServersPage'),
  },
  { id: 'keys', label: 'server.keys', Body: later(() => import('./secrets/keys.tsx'), 'ApiKeysPage') },
  { id: 'webhooks', label: 'webhooks', Body: later(() => import('./webhooks/webhooks.tsx'), 'WebhooksPage') },
  {
    id: 'overview',
    group: 'administration',
    label: 'administration.overview',
    shows: seesAdministration,
    Body: later(() => import('./administration/overview.tsx'), 'OverviewPage'),
  },
  {
    id: 'all-projects',
    label: 'administration.projects',
    shows: seesAdministration,
    Body: later(() => import('./projects/projects.tsx'), 'AllProjectsPage'),
  },
  {
    id: 'people',
    label: 'administration.people',
    shows: seesAdministration,
    Body: later(() => import('./administration/people.tsx'), 'PeoplePage'),
  },
  {
    id: 'audit',
    label: 'administration.audit',
    shows: seesAdministration,
    Body: later(() => import('./administration/audit.tsx'), 'AuditPage'),
  },
];

export const listSettingsSections = () => sections.filter(({ shows }) => shows?.() ?? true);

/** A section without a group belongs to its predecessor's group. */
function groupSections(all: readonly SettingsSection[]) {
  let group: TextKey = 'you';
  const groupOf = (section: SettingsSection) => {
    group = section.group ?? group;
    return group;
  };
  return [...Map.groupBy(all, groupOf)];
}

export function Settings({ section: first }: { section?: string | undefined }) {
  const [open, setOpen] = useState(first ?? sections[0]?.id ?? '');
  const shown = sections.filter(({ id, shows }) => id === open || (shows?.() ?? true));
  const section = sections.find(({ id }) => id === open);
  const body = useRef<HTMLElement>(null);
  const isEntered = useRef(first !== undefined);
  const enter = (id: string) => {
    isEntered.current = true;
    setOpen(id);
  };
  const list = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isEntered.current) body.current?.focus();
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  return (
    <Dialog title={t('settings')} wide>
      <div class="settings grid">
        <nav ref={list} class="stack" aria-label={t('settings')}>
          {shown.map(({ id, group, label }) => (
            <Fragment key={id}>
              {group && <h3 class="quiet small-text">{t(group)}</h3>}
              <button type="button" aria-current={id === open ? 'true' : undefined} onClick={() => enter(id)}>
                {t(label)}
              </button>
            </Fragment>
          ))}
        </nav>
        <select
          class="field settings-choice"
          aria-label={t('settings')}
          value={open}
          onChange={({ currentTarget }) => setOpen(currentTarget.value)}
        >
          {groupSections(shown).map(([group, ofGroup]) => (
            <optgroup key={group} label={t(group)}>
              {ofGroup.map(({ id, label }) => (
                <option key={id} value={id}>
                  {t(label)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
        <section key={open} ref={body} tabIndex={-1} aria-label={section && t(section.label)}>
          {section && <section.Body reopenSettings={() => showDialog(<Settings section={open} />)} />}
        </section>
      </div>
    </Dialog>
  );
}

export const openSettings = (section?: string): void => showDialog(<Settings section={section} />);
