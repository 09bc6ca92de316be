import { useEffect, useState } from 'preact/hooks';
import { mutate, query } from '../data/server.ts';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button } from '../parts/kit/button.tsx';
import { confirmAction, Dialog } from '../parts/kit/dialog.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { loadSkills, type SkillDetail } from './state.ts';

interface Props {
  readonly id: string;
  readonly back: () => void;
}

export function SkillView({ id, back }: Props) {
  const [skill, setSkill] = useState<SkillDetail>();
  const [text, setText] = useState('');
  const [trouble, tryIt] = useActionError();
  useEffect(
    () =>
      void tryIt(t('skills.unread'), async () => {
        setSkill(await query('skills.get', { id }));
        setText((await query('skills.read', { id, version: 'latest', file: 'SKILL.md' })).text);
      }),
    [id],
  );
  if (!skill)
    return (
      <Dialog title={t('skills')} wide>
        {trouble && <FormError text={trouble} />}
      </Dialog>
    );
  const { name, description, versions, pins } = skill;
  const remove = () =>
    confirmAction({
      title: t('skills.delete', { name }),
      text: t('skills.deleteText'),
      yes: t('delete'),
      act: () => {
        void mutate('skills.delete', { id }).then(loadSkills);
        setTimeout(back);
      },
    });
  return (
    <Dialog title={name} wide>
      <p>{description}</p>
      <div class="choices start">
        <Button icon="trash" label={t('delete')} onClick={remove} />
        <Button icon="back" label={t('skills.all')} onClick={back} />
      </div>
      <FormError text={trouble} />
      <h3>{t('skills.pins')}</h3>
      {pins.length === 0 && <p class="quiet">{t('skills.noPins')}</p>}
      <ul>
        {pins.map(({ template, version }) => (
          <li key={`${template}@${version}`}>
            {template}: {version === null ? t('skills.newest') : `${name}@${version}`}
          </li>
        ))}
      </ul>
      <h3>{t('skills.versions')}</h3>
      <ul class="automation-starts grid">
        {versions.map(({ id: version, number, createdAt, files }) => (
          <li key={version}>
            <strong>
              {name}@{number}
            </strong>
            <RelativeTime at={createdAt} />
            <span class="quiet">{t('skills.files', { n: files.length })}</span>
          </li>
        ))}
      </ul>
      <h3>SKILL.md</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text needs the keys */}
      <pre class="automation-message padded scrolls pre" tabIndex={0}>
        {text}
      </pre>
    </Dialog>
  );
}
