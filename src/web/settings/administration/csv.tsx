import { useState } from 'preact/hooks';
import { toCsv } from '../../parts/csv.ts';
import { Button } from '../../parts/kit/button.tsx';
import { FormError, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

type Table = Parameters<typeof toCsv>[0];
interface Props {
  /** Without the extension. */
  readonly name: string;
  /** Starts with the column names. */
  readonly table: () => Table | Promise<Table>;
}

export function CsvButton({ name, table }: Props) {
  const [isBusy, setBusy] = useState(false);
  const [trouble, tryIt] = useActionError();
  const download = async () => {
    setBusy(true);
    await tryIt(t('administration.noCsv'), async () => {
      // The byte-order mark makes spreadsheets read UTF-8.
      const url = URL.createObjectURL(new Blob(['\uFEFF', toCsv(await table())], { type: 'text/csv;charset=utf-8' }));
      const link = Object.assign(document.createElement('a'), { href: url, download: `${name}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 0);
    });
    setBusy(false);
  };
  return (
    <div class="stack">
      <FormError text={trouble} />
      <div>
        <Button class="small" icon="download" label={t('administration.csv')} disabled={isBusy} onClick={download} />
      </div>
    </div>
  );
}
