import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { mutate, query } from '../data/server.ts';
import type { Session } from '../data/sessions.ts';
import { formatDateTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { SegmentedControl } from '../parts/kit/choice.tsx';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { CheckboxField } from '../parts/kit/field.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';

const lives = { '24': 'share.day', '168': 'share.week', '720': 'share.month' } as const;
type ShareLifetime = keyof typeof lives;

export const openShareDialog = ({ id }: Session): void => showDialog(<ShareDialog sessionId={id} />);

function ShareDialog({ sessionId }: { sessionId: string }) {
  const [hours, setHours] = useState<ShareLifetime>('168');
  const [files, setFiles] = useState(false);
  const [made, setMade] = useState('');
  const [links, setLinks] = useState<Outputs['shares']['list']>();
  const [trouble, tryIt] = useActionError();
  const look = () => tryIt(t('share.notListed'), async () => setLinks(await query('shares.list', { sessionId })));
  useEffect(() => void look(), [sessionId]);
  const create = () =>
    tryIt(t('share.notMade'), async () => {
      const { path } = await mutate('shares.create', { sessionId, hours: Number(hours), files });
      setMade(new URL(path, location.origin).href);
      await look();
    });
  const revoke = (id: string) =>
    tryIt(t('share.notRevoked'), async () => {
      await mutate('shares.revoke', { sessionId, id });
      setMade('');
      await look();
    });
  return (
    <Dialog title={t('share.title')}>
      <p>{t('share.tells')}</p>
      <form
        class="form roomy stack"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <SegmentedControl
          label={t('share.life')}
          value={hours}
          options={(Object.keys(lives) as ShareLifetime[]).map((value) => ({ value, label: t(lives[value]) }))}
          onChange={setHours}
        />
        <CheckboxField label={t('share.files')} isOn={files} onChange={setFiles} />
        <FormError text={trouble} />
        <div class="choices">
          <Button type="submit" kind={made === '' ? 'primary' : 'plain'} icon="share" label={t('share.make')} />
        </div>
      </form>
      {made !== '' && (
        <div class="made-link stack" role="status">
          <div class="row">
            <input
              class="field"
              readOnly
              aria-label={t('share.link')}
              value={made}
              onFocus={({ currentTarget }) => currentTarget.select()}
            />
            <CopyButton text={made} label={t('share.copy')} />
          </div>
          <p class="quiet">{t('share.onlyNow')}</p>
        </div>
      )}
      {links && links.length > 0 && (
        <section aria-label={t('share.links')}>
          <h3>{t('share.links')}</h3>
          <List
            items={links.map((link) => ({
              key: link.id,
              title: t('share.expires', { time: formatDateTime(link.expiresAt) }),
              lines: link.files ? [t('share.withFiles')] : [],
              action: <Button class="small" kind="danger" label={t('revoke')} onClick={() => revoke(link.id)} />,
            }))}
          />
        </section>
      )}
    </Dialog>
  );
}
