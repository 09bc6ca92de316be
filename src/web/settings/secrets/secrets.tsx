import type { Outputs } from '../../../client/types.ts';
import { mutate, query } from '../../data/server.ts';
import { ConfirmButton, ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { t } from '../../text/text.ts';

type Credential = Outputs['serverCredentials']['put'];

export function SandboxSecrets() {
  const secrets = useResourceList<Credential>(t('secrets.unread'), () => query('serverCredentials.list', undefined));
  const revoke = (name: string) =>
    secrets.act(t('secrets.notRevoked'), () => mutate('serverCredentials.revoke', { name }), t('removed', { name }));
  return (
    <ResourceList
      of={secrets}
      about={t('secrets.about')}
      none={t('secrets.none')}
      toItem={(one) => ({
        key: one.name,
        title: one.name,
        lines: [listFacts(one).join(' · '), ...(one.setBy === null ? [] : [t('server.setBy', { by: one.setBy })])],
        action: one.setBy === null && (
          <ConfirmButton
            label={t('models.remove')}
            name={t('secrets.removeOne', { name: one.name })}
            ask={t('secrets.removeAsk')}
            act={() => revoke(one.name)}
          />
        ),
      })}
    >
      <SchemaForm
        of="serverCredentials.put"
        words="secrets"
        title={t('secrets.new')}
        note={t('secrets.once')}
        fields={{
          name: { placeholder: 'weather' },
          value: { as: 'secret' },
          hosts: { placeholder: 'api.example.org, *.example.net' },
          env: { placeholder: 'WEATHER_API_KEY' },
          header: { placeholder: 'authorization' },
          scheme: { isAdvanced: true },
          user: { isAdvanced: true },
          paths: { isAdvanced: true, placeholder: '/team, /team/project' },
          git: {
            isAdvanced: true,
            choices: [
              ['', t('secrets.git.none')],
              ...(['read', 'write'] as const).map((one) => [one, t(`secrets.git.${one}`)] as const),
            ],
          },
        }}
        send={async (input) => {
          const { name } = await mutate('serverCredentials.put', input);
          await secrets.reload(t('saved', { name }));
        }}
      />
      <p class="quiet">{t('secrets.effect')}</p>
    </ResourceList>
  );
}

const listFacts = ({ hosts, header, scheme, env, git, paths }: Credential): string[] => [
  hosts.join(', '),
  scheme === null ? header : `${header}: ${scheme}`,
  ...(env.length > 0 ? [env.map((name) => `$${name}`).join(', ')] : []),
  ...(git === null ? [] : [t(`secrets.git.${git}`)]),
  ...(paths ?? []),
];
