import { me, signOut } from '../data/people.ts';
import { mutate, query } from '../data/server.ts';
import { dayAndTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { ResourceList, Sure, useResource } from '../parts/kit/resource-list.tsx';
import { t } from '../text/text.ts';
import { OwnKeys } from './secrets/keys.tsx';

/** The person, and the browsers and commands in which the person is signed in. */
export function Account() {
  const devices = useResource(t('account.unread'), async () => (await query('people.devices', undefined)).devices);
  const end = (id: string) =>
    devices.act(t('account.notEnded'), async () => {
      await mutate('people.endDevice', { id });
      return '';
    });
  const { name, email } = me.value ?? {};
  return (
    <>
      <ResourceList
        of={devices}
        about={t('account.about')}
        head={
          <div class="row">
            <strong>{name ?? email}</strong> {name && email}
            <span class="bar-space" />
            <Button label={t('account.signOut')} onClick={signOut} />
          </div>
        }
        toItem={({ id, kind, agent, createdAt, lastSeenAt, isThis }) => ({
          key: id,
          title: isThis ? t('account.thisDevice') : t(`account.${kind}`),
          lines: [
            agent,
            [
              t('account.signedInAt', { at: dayAndTime(Date.parse(createdAt)) }),
              t('account.usedAt', { at: dayAndTime(Date.parse(lastSeenAt)) }),
            ].join(' · '),
          ],
          action: !isThis && (
            <Sure
              label={t('account.signOut')}
              name={t('account.endOne', { name: agent })}
              ask={t('account.endAsk')}
              act={() => end(id)}
            />
          ),
        })}
      />
      <OwnKeys />
    </>
  );
}
