import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query } from '../../data/server.ts';
import { Trouble, useTrouble } from '../../parts/trouble.tsx';
import { serverText, t } from '../../text/text.ts';

interface Props {
  readonly label: string;
  /** Empty: none. */
  readonly value: string;
  readonly onChange: (template: string) => void;
}

export function TemplateChoice({ label, value, onChange }: Props) {
  const [all, setAll] = useState<Outputs['templates']['list']['templates']>([]);
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    void tryIt(t('server.unread'), async () => setAll((await query('templates.list', undefined)).templates));
  }, []);
  const isMissing = value !== '' && !all.some(({ id }) => id === value);
  return (
    <>
      <select class="field" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{t('server.noTemplate')}</option>
        {isMissing && <option value={value}>{value}</option>}
        {all.map(({ id, name, unavailable }) => (
          <option key={id} value={id} disabled={unavailable !== null}>
            {serverText(name)}
          </option>
        ))}
      </select>
      <Trouble text={trouble} />
    </>
  );
}
