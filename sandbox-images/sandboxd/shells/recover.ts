import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcessTree, sendSignals } from '../processes/end-processes.ts';
import { readProcessVariable, scanProcesses } from '../processes/proc.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';

/** Kills processes of an earlier daemon and records their operations as lost. */
export async function endLeftoverProcesses(parts: DaemonState, sandboxId: string): Promise<void> {
  const { journal, clock, place, keepers, stateDir } = parts;
  const hadTerminals = await stat(terminalsNote(stateDir)).then(Boolean, () => false);
  if (journal.all().length === 0 && !hadTerminals) return;
  for (const { pid } of scanProcesses()) {
    const mark = readProcessVariable(pid, 'CORRAL_MARK');
    if (mark !== undefined && readProcessVariable(pid, 'CORRAL_SANDBOX_ID') === sandboxId) sendSignals(pid, 'SIGKILL');
  }
  for (const entry of journal.all()) {
    if (entry.operation.state === 'exited') continue;
    const { size } = await stat(join(place.root, entry.operation.spool)).catch(() => ({ size: 0 }));
    const operation = {
      ...entry.operation,
      state: 'exited',
      reason: 'lost',
      bytes: size,
      endedAt: clock.now(),
    } as const;
    journal.record({ ...entry, operation });
    const strays = createOrphanRule(parts, operation.startedAt);
    void endProcessTree({ name: 'CORRAL_OPERATION', value: operation.id, strays }, { spared: keepers.spared });
  }
}

/** Makes the next daemon kill terminals and programs that the journal does not list. */
export const markTerminalsOpened = (stateDir: string): Promise<void> => writeFile(terminalsNote(stateDir), '');
const terminalsNote = (stateDir: string) => join(stateDir, 'terminals');
