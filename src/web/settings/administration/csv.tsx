import { useState } from 'preact/hooks';
import { toCsv } from '../../parts/csv.ts';
import { Button } from '../../parts/kit/button.tsx';
import { FormError, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { saveBlob } from '../../work/files/transfers.ts';

type Table = Parameters<typeof toCsv>[0];

export function CsvButton({ name, table }: { name: string; table: () => Table | Promise<Table> }) {
  const [isBusy, setBusy] = useState(false);
  const [trouble, tryIt] = useActionError();
  const download = async () => {
    setBusy(true);
    await tryIt(t('administration.noCsv'), async () => {
      // The byte-order mark makes spreadsheet programs read the file as UTF-8.
      saveBlob(new Blob(['\uFEFF', toCsv(await table())], { type: 'text/csv;charset=utf-8' }), `${name}.csv`);
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
