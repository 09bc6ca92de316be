import type { Outputs } from '../../client/types.ts';
import { mutate, query } from '../data/server.ts';
import { formatAge, formatBytes } from '../parts/format.ts';
import { minuteClock } from '../parts/kit/ago.tsx';
import { ConfirmButton, ResourceList, useResourceList } from '../parts/kit/resource-list.tsx';
import { t } from '../text/text.ts';

type Upload = Outputs['uploads']['list'][number];

export function UploadsPage() {
  const uploads = useResourceList<Upload>(t('uploads.unread'), () => query('uploads.list', undefined));
  return (
    <ResourceList
      of={uploads}
      about={t('uploads.about')}
      none={t('uploads.none')}
      toItem={({ id, name, size, uploadedAt }) => ({
        key: id,
        title: name,
        lines: [`${formatBytes(size)} · ${formatAge(Date.parse(uploadedAt), minuteClock.value)}`],
        action: (
          <ConfirmButton
            label={t('delete')}
            name={t('uploads.delete', { name })}
            ask={t('uploads.deleteAsk')}
            act={() => uploads.act(t('notDeleted'), () => mutate('uploads.delete', { id }))}
          />
        ),
      })}
    />
  );
}
