// Creates a box, streams a command's output, transfers bytes, gives the agent a task, forks, and stops. See README.md.
import { randomBytes } from 'node:crypto';
import { Corral, CorralError } from 'corral/client';

async function main(): Promise<void> {
  const box = await Corral.create({ title: 'A tour' });
  console.log(`session ${box.id}`);
  const ended = await box.exec('for n in 1 2 3; do echo line $n; sleep 0.2; done; echo oh >&2; exit 7', {
    onStdout: (text) => void process.stdout.write(`out: ${text}`),
    onStderr: (text) => void process.stdout.write(`err: ${text}`),
  });
  console.log(`exit code ${ended.exitCode}`);

  const content = randomBytes(5_000_000);
  const { size } = await box.files.write('data/random.bin', content);
  const isSame = content.equals(await box.files.bytes('data/random.bin'));
  console.log(`wrote ${size} bytes, read the same: ${isSame}`);

  const run = await box.run('Write a note\n```sh\necho from the run > note.txt\n```');
  for await (const event of run) {
    if (event.type === 'tool.calling') console.log(`the agent calls ${event.data.function}`);
  }
  console.log(`the run is ${(await run.result()).status}`);

  const copy = await box.fork();
  console.log(`the fork has: ${(await copy.files.read('note.txt')).trim()}`);
  await copy.stop();
  await box.stop();
  console.log('stopped');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CorralError)) throw error;
  console.error(`${error.message} [${error.code}]`);
  process.exitCode = 1;
}
