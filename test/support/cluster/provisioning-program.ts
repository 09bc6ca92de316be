// A program that starts one sandbox with the process driver and then waits until a test kills it. Usage: provisioning-
// program.ts ROOT BWRAP SPEC (as JSON)
import { createProcessDriver } from '../../../drivers/process/process.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { programs } from '../servers/programs.ts';

const [root = '', bubblewrap = '', spec = ''] = process.argv.slice(2);
const gate = { serve: (socket: { destroy(): void }) => socket.destroy() };
const ids = createIdSource();
const driver = await createProcessDriver({
  instance: 'test',
  root,
  gate,
  ids,
  images: ['corral-sandbox'],
  programs,
  bubblewrap: bubblewrap === '' ? undefined : bubblewrap,
  users: { first: 1_900_000, last: 1_900_999 },
});
await driver.provision(JSON.parse(spec), { signal: AbortSignal.timeout(150_000) });
console.log(JSON.stringify(driver.capabilities)); // tells the test that the driver is ready
setInterval(() => {}, 60_000);
