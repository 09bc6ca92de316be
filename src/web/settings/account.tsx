import { currentUser, signOut } from '../data/people.ts';
import { mutate, query } from '../data/server.ts';
import { formatDateTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { ConfirmButton, ResourceList, useResourceList } from '../parts/kit/resource-list.tsx';
import { t } from '../text/text.ts';
import { PersonalKeys } from './secrets/keys.tsx';

export function AccountPage() {
  const devices = useResourceList(t('account.unread'), async () => (await query('people.devices', undefined)).devices);
  const end = (id: string) => devices.act(t('account.notEnded'), () => mutate('people.endDevice', { id }));
  const { name, email, person } = currentUser.value ?? {};
  return (
    <>
      <ResourceList
        of={devices}
        head={
          <>
            <div class="row account between wrap breaks">
              <span>
                <strong>{name ?? email}</strong> {name && email} {t('account.id', { id: person ?? '' })}
              </span>
              <Button label={t('account.signOut')} onClick={signOut} />
            </div>
            <p class="quiet">{t('account.about')}</p>
          </>
        }
        toItem={({ id, kind, agent, createdAt, lastSeenAt, isThis }) => ({
          key: id,
          title: isThis ? t('account.thisDevice') : t(`account.${kind}`),
          lines: [
            programOf(agent),
            [
              t('account.signedInAt', { at: formatDateTime(createdAt) }),
              t('account.usedAt', { at: formatDateTime(lastSeenAt) }),
            ].join(' · '),
          ],
          action: !isThis && (
            <ConfirmButton
              label={t('account.signOut')}
              name={t('account.endOne', { name: programOf(agent) })}
              ask={t('account.endAsk')}
              act={() => end(id)}
            />
          ),
        })}
      />
      <PersonalKeys />
    </>
  );
}

const browsers = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' };
const systems = { Android: 'Android', iPhone: 'iOS', iPad: 'iPadOS', Windows: 'Windows', Mac: 'macOS', Linux: 'Linux' };
/** Browser and operating system, or the whole user agent if its format is unknown. */
function programOf(agent: string): string {
  const find = (names: Record<string, string>, end: string) =>
    Object.entries(names).find(([word]) => agent.includes(`${word}${end}`))?.[1];
  const [browser, system] = [find(browsers, '/'), find(systems, '')];
  return browser && system ? `${browser} · ${system}` : agent;
}
