import { armFailpoints, readFailpointSpec } from '../../../src/core/errors/failpoint.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { facts } from './store.ts';

// A program for tests that kill it: appends to one session endlessly and prints each seq once the append is
// acknowledged. With `compact` it also compacts the log continuously.
const spec = readFailpointSpec(process.env);
if (spec) armFailpoints(spec, { exit: () => process.kill(process.pid, 'SIGKILL') });

const [path = '', sessionId = '', more = ''] = process.argv.slice(2);
const store = await openSqliteStore({ path });
const id = SessionId.parse(sessionId);
let { head } = await store.events.page(id, 0, 1);
for (;;) {
  const puts = [{ kind: 'count', id, doc: head + 3 }];
  head = await store.events.append({ sessionId: id, after: head, at: 1, facts: facts(3, head + 1), puts });
  if (more === 'compact') await store.events.compact(id, { keepDroppable: 1, keepAll: 20 });
  console.log(head);
}
